// Put before the script of every own control (demos/_common.py). `element`, `props`, `server`, `trigger` and `watch` are Gradio's.
const $ = (selector) => element.querySelector(selector);
const make = (tag, attributes = {}, text = "") => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
};
const colour = (name) => getComputedStyle(element).getPropertyValue(name).trim();
// Magnitudes: t in [0, 1] -> [r, g, b] of viridis.
const viridis = (t) => {
  const ramp = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  const at = Math.max(0, Math.min(1, t)) * 3.999, i = Math.floor(at);
  return ramp[i].map((a, k) => Math.round(a + (at - i) * (ramp[i + 1][k] - a)));
};
const say = (sentence) => { const place = $(".said"); if (place) place.textContent = sentence; };

// Why a training ended before its last step, where it was not the learner who stopped it.
const late = (frame) => (frame.late ? ": its time was up, this machine is busy" : "");

// A server function answers {ok} or {error: sentence}; an unreachable server gives undefined.
const ask = async (serverFunction, argument) => {
  let answer;
  try { answer = await serverFunction(argument); } catch { answer = undefined; }
  if (answer && "ok" in answer) { say(""); return answer.ok; }
  say(answer?.error ?? "The server does not answer. Is it still running?");
  return null;
};

// At most one call in flight; when it is back, the newest of those asked for meanwhile follows, the others are dropped.
const newest = (work) => {
  let busy = false, pending = null;
  const run = async (argument) => {
    if (busy) { pending = [argument]; return; }
    busy = true;
    try { await work(argument); } finally {
      busy = false;
      if (pending) { const [next] = pending; pending = null; run(next); }
    }
  };
  return run;
};

// A control without a value asks for its first one when it comes into the page, which is when its tab is first opened:
// so the app starts without having made it.
const begin = async (show) => {
  if (props.value) { show(); return; }
  const first = await ask(server.start, {});
  if (first && !props.value) { props.value = first; show(); }
};

const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const base64 = (array) => { let text = ""; for (let i = 0; i < array.length; i += 8192) text += String.fromCharCode(...array.subarray(i, i + 8192)); return btoa(text); };
const download = (png, name) => {
  const url = URL.createObjectURL(new Blob([bytes(png)], { type: "image/png" }));
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};

// The link to these settings ("tab" and "part" among them): in the address bar, and copied where the browser allows it.
const copyLink = async (settings) => {
  const url = new URL(location.href);
  url.search = new URLSearchParams(settings).toString();
  history.replaceState(null, "", url);
  try { await navigator.clipboard.writeText(url.href); say(""); return "Link copied."; }
  catch { return "The link is in the address bar."; }
};

const readFile = async (file, limit = 5e6) => {
  if (file.size > limit) { say(`That file is larger than ${limit / 1e6} MB.`); return null; }
  return base64(new Uint8Array(await file.arrayBuffer()));
};

// Dropping a file on `place`, or choosing one with `input`, gives its bytes in base64 to `use`.
const acceptFiles = (place, input, use) => {
  const take = async (file) => { if (!file) return; const data = await readFile(file); if (data) use(data); };
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => { event.preventDefault(); event.stopPropagation(); take(event.dataTransfer.files[0]); });
  input.addEventListener("change", () => { take(input.files[0]); input.value = ""; });
};

// The buttons of js/keep.html in an own control: `settings()` gives what a link says, `save` asks for the PNG,
// `restore` takes one and gives the control's value to `use`; a PNG may be dropped on `place`, too.
const keep = (place, settings, save, restore, use) => {
  $(".save").addEventListener("click", async () => {
    const chosen = settings(), png = await ask(save, chosen);
    if (png) download(png, `${[chosen.tab, chosen.part, chosen.model].filter(Boolean).join("-")}.png`);
  });
  $(".link").addEventListener("click", async () => { $(".told").textContent = await copyLink(settings()); });
  acceptFiles(place, $(".open"), async (png) => { const next = await ask(restore, { png }); if (next) { use(next); $(".told").textContent = "Settings restored from the picture."; } });
};
// A label that stands for a hidden file input opens it by Enter and space, as a button would.
element.querySelectorAll("label.tool").forEach((label) => label.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); label.querySelector("input").click(); } }));
