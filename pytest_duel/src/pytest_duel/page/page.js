"use strict";

/** What stands in a table where there is no value; such rows come last, whichever way it is sorted. */
const MISSING = "–";

/** Draw a figure, and connect its legend and its list to choose from. */
async function draw(figure) {
  const read = (name) => JSON.parse(figure.querySelector(`script.${name}`)?.textContent ?? "{}");
  const [specification, data] = [read("specification"), read("data")];
  const [first] = Object.values(data);
  if (first) specification.datasets = { chosen: rows(first) };
  const { view } = await vegaEmbed(figure.querySelector(".plot"), specification, {
    actions: false,
    ast: true, // expressions are interpreted: the page's policy allows no code made of text
    defaultStyle: false,
    renderer: "svg",
    tooltip: { disableDefaultStyle: true },
  });
  const buttons = [...figure.querySelectorAll(".legend button")];
  const select = figure.querySelector("select");

  const refresh = () => {
    const hidden = buttons.filter((one) => one.getAttribute("aria-pressed") === "false");
    if (buttons.length) view.signal("hidden", hidden.map((one) => one.dataset.series));
    if (select && select.value in data) view.data("chosen", rows(data[select.value]));
    else if (select) view.signal(select.dataset.parameter, select.value);
    return view.runAsync();
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") === "false");
      refresh();
    });
  }
  if (select) select.addEventListener("change", refresh);
  figure.dataset.drawn = "true";
}

/** Make the rows of a distribution of its quantiles, which are in ns, process by process. */
function rows(processes) {
  return processes.flatMap((quantiles, number) =>
    quantiles.map((nanoseconds, place) => ({
      process: `process ${number + 1}`,
      time: nanoseconds * 1e-9,
      median: 2 * place === quantiles.length - 1,
      Process: String(number + 1),
      Time: duration(nanoseconds),
      "Share of rounds": `${Math.round((100 * place) / (quantiles.length - 1))} % are as fast`,
    })),
  );
}

function duration(nanoseconds) {
  for (const [size, name] of [[1e9, "s"], [1e6, "ms"], [1e3, "µs"]]) {
    if (nanoseconds >= size) return `${Number((nanoseconds / size).toPrecision(4))} ${name}`;
  }
  return `${nanoseconds} ns`;
}

/** Sort a table by a column, and the other way round when asked again. */
function sort(heading) {
  const table = heading.closest("table");
  const column = [...heading.parentNode.children].indexOf(heading);
  const down = heading.getAttribute("aria-sort") === "ascending";
  for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  const key = ({ children }) => children[column].dataset.key ?? children[column].textContent;
  const numbers = heading.classList.contains("number");
  const order = (a, b) =>
    numbers ? number(key(a)) - number(key(b)) : key(a).localeCompare(key(b), "en", { numeric: true });
  const rows = [...table.tBodies[0].rows];
  const known = rows.filter((row) => key(row) !== MISSING);
  known.sort((a, b) => (down ? order(b, a) : order(a, b)));
  table.tBodies[0].append(...known, ...rows.filter((row) => key(row) === MISSING));
}

function number(text) {
  return Number(text.replaceAll(",", ""));
}

/** Show only the rows of a table that hold each of some words. */
function filter(input) {
  const words = input.value.toLowerCase().split(/\s+/);
  for (const row of document.getElementById(input.getAttribute("aria-controls")).tBodies[0].rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => text.includes(word));
  }
}

/** Show the distribution of the case that the address names. */
function follow() {
  const id = decoded(location.hash.slice(1));
  const select = document.querySelector("#rounds-figure select");
  if (!select || ![...select.options].some((option) => option.value === id)) return;
  select.value = id;
  select.dispatchEvent(new Event("change"));
}

/** Decode a part of an address; one that is no encoding is what it says. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Open the folded part that an address names, or that holds what it names. */
function unfold(hash) {
  const target = document.getElementById(decoded(hash.slice(1)));
  const part = target?.closest("details.part") ?? target?.querySelector(":scope > details.part");
  if (!part || part.open) return;
  part.open = true;
  target.scrollIntoView();
}

/** Draw the figures of a part when it is opened: while it is folded they have no width. */
function drawLater(part) {
  const figures = [...part.querySelectorAll("figure.chart")];
  part.addEventListener("toggle", () => figures.forEach(tryToDraw), { once: true });
}

/** Draw a figure, or say in its place that it could not be drawn. */
async function tryToDraw(figure) {
  try {
    await draw(figure);
  } catch (error) {
    console.error(figure.id, error);
    figure.querySelector(".plot").textContent = "This chart could not be drawn.";
  }
}

/** Switch between light and dark; the system's choice holds until then. */
function theme() {
  const button = document.getElementById("theme");
  const root = document.documentElement;
  const dark = () =>
    root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
  const name = () => (button.textContent = dark() ? "Light" : "Dark");
  button.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    name();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", name);
  name();
}

theme();
for (const heading of document.querySelectorAll("thead th")) {
  heading.querySelector("button").addEventListener("click", () => sort(heading));
}
for (const input of document.querySelectorAll(".filter input")) {
  input.addEventListener("input", () => filter(input));
}
unfold(location.hash);
addEventListener("hashchange", () => unfold(location.hash));
addEventListener("click", ({ target }) => unfold(target.closest?.('a[href^="#"]')?.hash ?? ""));
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.part")) part.open = true;
});
const folded = [...document.querySelectorAll("details.part:not([open])")];
folded.forEach(drawLater);
const seen = [...document.querySelectorAll("figure.chart")].filter(
  (figure) => !folded.includes(figure.closest("details.part")),
);
Promise.allSettled(seen.map(tryToDraw)).then(() => {
  follow();
  addEventListener("hashchange", follow);
  document.documentElement.dataset.ready = "true";
});
