// The page as a whole: its parts, the settings that each one shows, the address, and the way back. Loaded once, before the
// controls (demos/_ui/bundle.py).
window.genai = {
  controls: {}, // name -> (kit) => ..., see bundle.py
  markup: {}, // name -> that of a control which several tabs use
  parts: {}, // "vae/plane" -> part
  current: null, // the part that is open, "tab/part" or "tab"
  first: {}, // tab -> its first part; set by the router
  select: null, // (id) => opens the tab or the part; set by the router
  askClass: null, // (preset, run) => asks the learners its question, whether it could; set where the page is a teacher's
  selected: null, // what its event changes in Gradio's tabs
};

// A part: settings (shown on its stage), stage (its element), set(value) and request(settings) of its stage, form (of its form), run (the
// id of the run whose values are shown), asked (its settings, until its first value comes), turn (counts what was set: an answer of before it comes late), running, pending (a value
// that came before the stage was in the page), opening (until a link's value has come).
genai.part = (id) =>
  (genai.parts[id] ??= { id, settings: null, form: null, run: null, running: false, pending: null, turn: 0 });

// Settings as a link holds them.
genai.toText = (value) => {
  if (Array.isArray(value) && value.every((v) => typeof v === "number"))
    return value.map((v) => +v.toFixed(4)).join(",");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
};
// settings: by default those that the part shows.
genai.link = (id, shown = genai.parts[id]?.settings) => {
  const [tab, name] = id.split("/"),
    url = new URL(location.href),
    query = new URLSearchParams({ tab, ...(name ? { part: name } : {}) });
  const { unlinked = [] } = genai.parts[id] ?? {};
  for (const [key, value] of Object.entries(shown ?? {}))
    if (!unlinked.includes(key)) query.set(key, genai.toText(value));
  url.search = query.toString();
  url.hash = ""; // that of a lesson, which is no setting
  return url.href;
};

// The address follows what is shown, a few times a second at most: a reload shows the same again.
let timer = null;
const follow = () => {
  timer = null;
  if (genai.current) history.replaceState(history.state, "", genai.link(genai.current) + location.hash);
};
genai.shows = (part, settings) => {
  part.settings = settings;
  part.code?.(); // the program beside the stage follows it
  if (part.id === genai.current) timer ??= setTimeout(follow, 300);
};

// The learner has opened a part, or a tab and thus the part that was open in it: one step for the browser's Back.
const lastPart = {};
genai.enter = (tab) => {
  const id = tab.includes("/") || !(tab in genai.first) ? tab : `${tab}/${lastPart[tab] ?? genai.first[tab]}`;
  if (id === genai.current) return;
  clearTimeout(timer);
  timer = null;
  history.pushState({ id }, "", (id === "home" ? location.pathname : genai.link(id)) + location.hash);
  genai.at(id);
};
// On a phone the line of the parts' names is longer than the page.
const showName = () => {
  const names = [...document.querySelectorAll("[role=tab][aria-selected=true]")];
  const chosen = names.filter((tab) => tab.checkVisibility()).at(-1);
  chosen?.scrollIntoView({ block: "nearest", inline: "center" });
};
genai.at = (id) => {
  genai.current = id;
  setTimeout(showName, 100); // when Gradio has marked it
  const [tab, name] = id.split("/");
  if (name) lastPart[tab] = name;
  window.dispatchEvent(new CustomEvent("genai-enter", { detail: id }));
};

// Show settings in a part, which need not be in the page yet: {settings, value (of its stage; asked for where there is none)}.
genai.show = (id, { settings, value = null }) => {
  const part = genai.part(id);
  part.settings = settings;
  part.form?.set(settings);
  if (value && part.set) part.set(value);
  else if (value) part.pending = value;
  else if (part.set) part.request(settings);
};

// Whoever is asked may stay: Gradio, which closes its connections at this event, does not hear of it, for this listener
// comes first (demos/_server/head.py).
window.addEventListener("beforeunload", (event) => {
  if (!Object.values(genai.parts).some((part) => part.running && part.long)) return;
  event.preventDefault();
  event.stopImmediatePropagation();
});

// Gradio counts the seconds of a run in every frame of the screen; of the page's own loading for ever (6.31), which keeps
// a phone at work. No part shows them: a frame that only counts is not asked for.
const askFrame = window.requestAnimationFrame.bind(window),
  counts = (/** @type {FrameRequestCallback} */ callback) =>
    /^\(\)\s*=>\s*\{[^}]*performance\.now\(\)\s*-[^}]*\/\s*1e3\b/.test(String(callback));
window.requestAnimationFrame = (callback) => (counts(callback) ? 0 : askFrame(callback));

// Run a control's script with what Gradio gives it (`js_on_load` of demos/_ui/controls.py).
genai.start = (name, gradio) => {
  if (name in genai.markup) gradio.element.innerHTML = genai.markup[name];
  genai.controls[name](genai.kit(gradio), gradio);
};

// A file that is dropped beside its place does not take the page away.
for (const name of ["dragover", "drop"])
  window.addEventListener(name, (/** @type {DragEvent} */ event) => {
    if (event.defaultPrevented || !event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });
