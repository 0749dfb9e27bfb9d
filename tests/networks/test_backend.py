import keras
import numpy as np
import pytest
import tensorflow as tf

from fer_keras.networks import backend
from fer_keras.networks.build import build


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="the GPU decides here")
def test_bfloat16_is_used_where_the_processor_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    for flags, answer in (("fpu sse2 avx512f", False), ("fpu avx512_bf16 sse2", True)):
        (tmp_path / "cpuinfo").write_text(f"model name\t: a processor\nflags\t\t: {flags}\n")
        monkeypatch.setattr(backend, "Path", lambda _: tmp_path / "cpuinfo")
        assert backend.multiplies_bfloat16() is answer
    for limit, answer in (("AVX2", False), ("avx512_core", False), ("AVX512_CORE_BF16", True)):
        monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
        assert backend.multiplies_bfloat16() is answer
    monkeypatch.setattr(backend, "Path", lambda _: tmp_path / "no_linux")
    assert backend.multiplies_bfloat16() is False


@pytest.mark.parametrize(("capability", "answer"), [((7, 5), False), ((8, 0), True)])
def test_of_gpus_the_compute_capability_decides(monkeypatch, capability, answer):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one", "two"])
    monkeypatch.setattr(
        tf.config.experimental,
        "get_device_details",
        lambda gpu: {"compute_capability": (9, 0) if gpu == "one" else capability},
    )
    assert backend.multiplies_bfloat16() is answer


def test_compiled_inference_answers_as_predict():
    keras.utils.set_random_seed(1)
    model = build("quick", 7)
    images = np.random.default_rng(0).integers(0, 256, (5, 48, 48, 1), dtype=np.uint8)
    infer = backend.compiled(model)
    for count in (5, 1):
        np.testing.assert_allclose(
            infer(images[:count]), model.predict(images[:count], verbose=0), atol=1e-6
        )
