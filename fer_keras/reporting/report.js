"use strict";
// Sorting, folding and downloads for a report. All of it can be read without this script.

function key(cell) {
  const text = cell ? cell.textContent.trim() : "";
  const number = text.replace(/[\u2212\u2013]/g, "-").match(/^[<>]?\s*([+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?)/i);
  return number ? parseFloat(number[1].replace(/,/g, "")) : text;
}

function compare(one, two) {
  if (typeof one === typeof two) {
    return typeof one === "number" ? one - two : one.localeCompare(two, "en");
  }
  return typeof one === "number" ? -1 : 1; // words and gaps stand last
}

function sortable(table) {
  const body = table.tBodies[0];
  const head = table.tHead && table.tHead.rows[table.tHead.rows.length - 1];
  if (!head || !body || body.rows.length < 3 || table.querySelector("tbody [rowspan]")) return;
  const titles = [...head.cells];
  if (titles.length !== body.rows[0].cells.length) return;
  titles.forEach((title, column) => {
    title.tabIndex = 0;
    title.classList.add("sorts");
    const sort = () => {
      const rising = title.getAttribute("aria-sort") !== "ascending";
      titles.forEach((each) => each.removeAttribute("aria-sort"));
      title.setAttribute("aria-sort", rising ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => [key(row.cells[column]), row]);
      rows.sort((one, two) => (rising ? 1 : -1) * compare(one[0], two[0]));
      body.append(...rows.map((pair) => pair[1]));
    };
    title.addEventListener("click", sort);
    title.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
    });
  });
}
document.querySelectorAll(".table-box table:not(.matrix)").forEach(sortable);

// The picture that a figure's tiles were cut from.
function joined(figure, kind) {
  const share = (tile, name) => parseFloat(tile.style.getPropertyValue(name)) / 100;
  const rows = [...figure.querySelectorAll(".tiles > div")].map((row) => [...row.children]);
  const image = (tile) => tile.firstElementChild;
  const canvas = document.createElement("canvas");
  canvas.width = parseFloat(figure.querySelector(".tiles").style.maxWidth);
  canvas.height = rows.reduce((sum, row) => sum + image(row[0]).naturalHeight, 0);
  const paper = canvas.getContext("2d");
  paper.fillStyle = "#fff";
  paper.fillRect(0, 0, canvas.width, canvas.height);
  let top = 0;
  rows.forEach((row) => {
    let left = 0;
    row.forEach((tile) => {
      left += share(tile, "--before") * canvas.width;
      paper.drawImage(image(tile), Math.round(left), top);
      left += share(tile, "--share") * canvas.width;
    });
    top += image(row[0]).naturalHeight;
  });
  return canvas.toDataURL("image/" + kind);
}

// A figure's own picture as a file, where no file lies beside the report.
document.querySelectorAll("figure.shown").forEach((figure) => {
  if (figure.querySelector(".files")) return;
  const images = [...figure.querySelectorAll("img")];
  const image = images[0];
  const link = document.createElement("a");
  const kind = image ? image.src.slice(11).split(";")[0] : "svg";
  link.textContent = kind.toUpperCase().replace("WEBP", "WebP");
  link.download = figure.dataset.name + "." + kind;
  if (images.length === 1) link.href = image.src;
  else if (image) link.addEventListener("click", () => { link.href = joined(figure, kind); });
  else {
    const drawing = figure.querySelector("svg").cloneNode(true);
    drawing.setAttribute("viewBox", drawing.dataset.whole);
    drawing.removeAttribute("width");
    drawing.removeAttribute("height");
    link.href = URL.createObjectURL(new Blob([drawing.outerHTML], { type: "image/svg+xml" }));
  }
  const line = document.createElement("p");
  line.className = "files";
  line.append(link);
  figure.append(line);
});

const contents = document.querySelector(".contents details");
if (contents) {
  const narrow = matchMedia("(max-width: 70rem)");
  const fold = () => { contents.open = !narrow.matches; };
  narrow.addEventListener("change", fold);
  fold();
  const links = [...contents.querySelectorAll("a")];
  links.forEach((link) => link.addEventListener("click", () => { contents.open = !narrow.matches; }));
  const places = links.map((link) => document.getElementById(decodeURIComponent(link.hash.slice(1))));
  const mark = () => {
    let current = 0;
    places.forEach((place, number) => {
      if (place && place.getBoundingClientRect().top < innerHeight / 4) current = number;
    });
    links.forEach((link, number) => link.toggleAttribute("aria-current", number === current));
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

// On paper nothing can be unfolded; a log of training is not worth the paper.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.section:not([open])")];
  opened.forEach((each) => { each.open = true; });
});
addEventListener("afterprint", () => opened.forEach((each) => { each.open = false; }));
