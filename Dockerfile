# The command fer-keras with all that it needs, from the locked packages.
FROM python:3.12-slim
WORKDIR /fer_keras
COPY locks/compare.txt locks/
RUN pip install --no-cache-dir --require-hashes --requirement locks/compare.txt \
    && rm -rf /usr/local/lib/python3.12/site-packages/tensorflow/include
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation . \
    && useradd --create-home --uid 1000 student && mkdir /out && chown student /out
USER 1000
WORKDIR /out
ENTRYPOINT ["fer-keras"]
CMD ["--help"]
