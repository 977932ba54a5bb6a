// The page: one picture, what the network answers, and the run's report.

import { Trouble, ask, askAgain, hasToken, setToken } from "./ask.js";

const $ = (id) => document.getElementById(id);

let model = null;
let current = null; // AbortController of the picture being asked about
let shownUrl = "";

// -- words ------------------------------------------------------------------------------------------------

function say(words) { $("status").textContent = words; }

function complain(words) { $("trouble").textContent = words; }

function wordsOf(error) {
  if (!(error instanceof Trouble)) return `Something went wrong on this page: ${error.message}`;
  const words = {
    401: "The server wants its token.",
    408: "The picture took too long to arrive. Try again, or a smaller one.",
    413: `The picture is too large: ${error.message}.`,
    415: "The server does not take this kind of file.",
    422: `This picture cannot be read: ${error.message}.`,
    503: "The server is busy and has not found time. Try again in a while.",
  };
  return words[error.status] ?? (error.message || `The server answered ${error.status}.`);
}

const percent = (share) => share >= 0.9995 ? "100 %" : share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
const whole = (number) => number.toLocaleString("en");

function brief(title) { return title.split(",")[0].trim(); }

function element(name, { text, ...attributes } = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  made.append(...children);
  return made;
}

// -- one picture ------------------------------------------------------------------------------------------

async function look(file, words = "") {
  current?.abort();
  const asking = current = new AbortController();
  complain("");
  showGiven(file, words);
  say("Asking the network …");
  try {
    const small = await withinLimits(file);
    const body = small ?? file;
    const told = small ? "Made smaller in your browser first: it was beyond the server’s limits. " : "";
    const classified = await askAgain("v1/classify?top=5", { method: "POST", body, signal: asking.signal }, say);
    showBars((await classified.json()).answers[0].top);
    say(`${told}Looking inside …`);
    await Promise.all([showNear(body, asking.signal), showInside(body, asking.signal)]);
    say(told);
  } catch (error) {
    if (asking.signal.aborted) return;
    say("");
    for (const id of ["answer", "near", "inside"]) $(id).hidden = true;
    if (error.status === 401) showTokenForm();
    else complain(wordsOf(error));
  }
}

function showGiven(file, words) {
  URL.revokeObjectURL(shownUrl);
  shownUrl = URL.createObjectURL(file);
  const picture = $("given-picture");
  picture.onload = () => { picture.hidden = false; };
  picture.onerror = () => {
    picture.hidden = true;
    $("given-words").textContent = "Your browser cannot show this kind of picture.";
  };
  picture.src = shownUrl;
  $("given-words").textContent = words;
  for (const id of ["answer", "near", "inside"]) $(id).classList.add("waiting");
}

async function withinLimits(file) {
  if (!model) return null;
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    return null; // the server says what is wrong with it
  }
  const pixels = bitmap.width * bitmap.height;
  if (file.size <= model.limits.picture_bytes && pixels <= model.limits.picture_pixels) return null;
  const scale = Math.min(1, Math.sqrt(Math.min(4e6, model.limits.picture_pixels) / pixels));
  const canvas = element("canvas");
  canvas.width = Math.max(1, Math.floor(bitmap.width * scale));
  canvas.height = Math.max(1, Math.floor(bitmap.height * scale));
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.95));
}

function showBars(top) {
  const first = top[0];
  $("answer-title").textContent = `${brief(first.title)}, ${percent(first.probability)}`;
  $("bars").replaceChildren(...top.map((one) => {
    const fill = element("div", { class: "fill" });
    fill.style.width = `${100 * one.probability}%`;
    const words = element("div", { class: "words" },
      element("span", { text: one.title }), element("span", { text: percent(one.probability) }));
    return element("li", {}, words, element("div", { class: "track", "aria-hidden": "true" }, fill));
  }));
  const others = model ? model.classes.length - top.length : 0;
  const left = 1 - top.reduce((sum, one) => sum + one.probability, 0);
  $("rest").textContent = others > 0 && left >= 0.001
    ? `The other ${percent(left)} is spread over ${whole(others)} more ${others === 1 ? "class" : "classes"}.` : "";
  $("answer").hidden = false;
  $("answer").classList.remove("waiting");
  $("answer").scrollIntoView({ block: "nearest" });
}

async function showNear(body, signal) {
  if (!model || model.similar !== null) return;
  const response = await askAgain("v1/similar?k=6&pictures=true", { method: "POST", body, signal }, say);
  const near = (await response.json()).answers[0].neighbours;
  $("near").querySelector("ul").replaceChildren(...near.map((one) => element("li", {}, element("figure", {},
    element("img", { src: one.picture, alt: `A training picture of ${brief(one.title)}`, title: one.source }),
    element("figcaption", { text: brief(one.title) })))));
  $("near").hidden = false;
  $("near").classList.remove("waiting");
}

async function showInside(body, signal) {
  if (!model || model.look !== null) return;
  const seen = await (await askAgain("v1/look", { method: "POST", body, signal }, say)).json();
  for (const name of ["view", "saliency", "gradcam", "kernels", "maps"]) {
    if (seen[name]) $(name).src = seen[name];
  }
  $("gradcam-figure").hidden = !seen.gradcam;
  $("first").hidden = !seen.kernels;
  $("inside").hidden = false;
  $("inside").classList.remove("waiting");
}

// -- the model --------------------------------------------------------------------------------------------

async function open() {
  try {
    model = await (await ask("v1/model")).json();
  } catch (error) {
    if (error.status === 401) showTokenForm();
    else complain(wordsOf(error));
    return false;
  }
  $("token").hidden = true;
  document.title = `${model.name} · alexnet`;
  $("name").textContent = model.name;
  $("network").textContent = model.network === model.name ? "" : model.network;
  $("views").hidden = model.report !== null;
  showLimits();
  await showSamples();
  return true;
}

function showTokenForm() {
  $("token-words").textContent = hasToken()
    ? "That is not the token. It is compared letter by letter; try again."
    : "It stays in this page’s memory and is forgotten when you leave.";
  setToken("");
  $("token").hidden = false;
  $("token-value").focus();
}

function showLimits() {
  const { errors, limits } = model;
  const rows = [["Answers", `with one of ${whole(model.classes.length)} classes, also where none of them is right`]];
  if (model.trained_on) rows.push(["Learned from", `${whole(model.trained_on)} pictures`]);
  if (errors) {
    const range = ([low, high]) => `95 % interval ${low.toFixed(1)} … ${high.toFixed(1)}`;
    rows.push(["Is wrong", `on ${errors.top1_error.toFixed(1)} % of ${whole(errors.images)} pictures that it was not trained on (${range(errors.top1_interval)})`]);
    rows.push(["Misses", `the right class among its five on ${errors.top5_error.toFixed(1)} % (${range(errors.top5_interval)})`]);
  } else {
    rows.push(["Is wrong", "how often is not known here: no errors came with it"]);
  }
  rows.push(["Takes", `JPEG, PNG, WebP, GIF, AVIF, BMP, TIFF; up to ${limits.picture_bytes / 1e6} MB and ${limits.picture_pixels / 1e6} megapixels`]);
  rows.push(["Keeps", "nothing: a picture is answered and forgotten"]);
  if (model.similar) rows.push(["No neighbours", model.similar]);
  if (model.look) rows.push(["No look inside", model.look]);
  $("caution").textContent = model.caution;
  $("limits").querySelector("dl").replaceChildren(
    ...rows.flatMap(([what, words]) => [element("dt", { text: what }), element("dd", { text: words })]));
  $("classes").textContent = model.classes.map((one) => brief(one.title)).join(", ");
  const bearer = hasToken() ? " -H 'Authorization: Bearer TOKEN'" : "";
  $("example").textContent = `curl${bearer} -F images=@picture.jpg ${new URL("v1/classify", location.href).href}`;
  $("limits").hidden = false;
}

async function showSamples() {
  const pictures = await Promise.all(model.samples.map(async (one) => {
    const blob = await (await ask(`v1/samples/${one.number}`)).blob();
    const title = brief(one.title);
    const words = `A sample: ${title}, from pictures that were not trained on.`;
    const button = element("button", { type: "button" },
      element("img", { src: URL.createObjectURL(blob), alt: "" }), element("span", { text: title }));
    button.addEventListener("click", () => look(blob, words));
    return element("li", {}, button);
  }));
  $("samples").querySelector("ul").replaceChildren(...pictures);
  $("samples").hidden = pictures.length === 0;
}

// -- views ------------------------------------------------------------------------------------------------

async function turn() {
  const report = location.hash === "#report" && model?.report === null;
  $("view-picture").hidden = report;
  $("view-report").hidden = !report;
  for (const [id, here] of [["to-picture", !report], ["to-report", report]]) {
    if (here) $(id).setAttribute("aria-current", "page");
    else $(id).removeAttribute("aria-current");
  }
  if (!report) return;
  try {
    const { url } = await (await ask("v1/report", { method: "POST" })).json();
    $("report").src = url.replace(/^\//, "");
  } catch (error) {
    complain(wordsOf(error));
  }
}

// -- drop, paste, choose ----------------------------------------------------------------------------------

function takeFirst(files) {
  const file = [...files].find((one) => one.type.startsWith("image/")) ?? files[0];
  if (!file) return complain("That was no picture. Drop or paste a picture file.");
  location.hash = "#picture";
  look(file, file.name === "image.png" ? "" : file.name);
}

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  takeFirst(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (event.target instanceof HTMLInputElement) return;
  takeFirst(event.clipboardData.files);
});
$("choose").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", () => {
  if ($("file").files.length) takeFirst($("file").files);
  $("file").value = "";
});
$("token").addEventListener("submit", async (event) => {
  event.preventDefault();
  setToken($("token-value").value.trim());
  $("token-value").value = "";
  complain("");
  if (await open()) await turn();
});
window.addEventListener("hashchange", turn);
open().then((opened) => opened && turn());
