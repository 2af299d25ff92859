// What every own control has at hand. `element`, `props`, `server`, `trigger` and `watch` are Gradio's; this file becomes
// the body of a function of them (demos/_ui/bundle.py), and so do pad.js, chips.js and plot.js after it.
const $ = (selector) => element.querySelector(selector);
const make = (tag, attributes = {}, text = "") => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
};
const makeSvg = (tag, attributes = {}, text = "") => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.textContent = text;
  return node;
};
const colour = (name) => getComputedStyle(element).getPropertyValue(name).trim();
// Magnitudes: t in [0, 1] -> [r, g, b] of viridis.
const viridis = (t) => {
  const ramp = [
    [68, 1, 84],
    [59, 82, 139],
    [33, 145, 140],
    [94, 201, 98],
    [253, 231, 37],
  ];
  const at = Math.max(0, Math.min(1, t)) * 3.999,
    i = Math.floor(at);
  return ramp[i].map((a, k) => Math.round(a + (at - i) * (ramp[i + 1][k] - a)));
};
let failed = false; // what is said is why a run failed: an answer to another question does not take it away
let spoken = 0; // sentences: nor does an answer to what was asked before the last of them
const say = (sentence, ofRun = false) => {
  const place = $(".said");
  if (place) place.textContent = sentence;
  // It comes into view; who types, or has only opened the page, is left where they are.
  const typing = document.activeElement?.matches("[type=text], textarea");
  if (sentence && navigator.userActivation?.hasBeenActive && !typing) place?.scrollIntoView({ block: "nearest" });
  failed = ofRun;
  if (sentence) spoken += 1;
};

// Why a training ended before its last step, where it was not the learner who stopped it.
const timedOut = (frame) => (frame.timed_out ? ": time limit reached, this machine is busy" : "");

// A server function answers {ok} or {error: sentence}; an unreachable server gives undefined.
const ask = async (serverFunction, argument) => {
  const before = spoken;
  let answer;
  try {
    const call = serverFunction(argument);
    if (part && serverFunction === server.show) part.coming = call; // for what is saved: see settled
    answer = await call;
  } catch {
    answer = undefined;
  }
  if (answer && "ok" in answer) {
    if (!failed && spoken === before) say("");
    return answer.ok;
  }
  say(answer?.error ?? "The server does not answer. Is it still running?");
  return null;
};

// As `ask`, of what the stage shows: an answer that comes after a link, a preset or a saved picture has set the stage anew
// is of what was there before, and is passed over.
const askOfStage = async (serverFunction, argument) => {
  const turn = part?.turn,
    answer = await ask(serverFunction, argument);
  return part?.turn === turn ? answer : null;
};

// When the stage shows the settings that were chosen last: what is saved, linked or told as code at once is that.
const settled = async () => {
  for (let call; call !== part.coming;) {
    call = part.coming;
    await call.catch(() => {});
    await new Promise((done) => setTimeout(done)); // what came is shown, and what was asked for meanwhile is on its way
  }
};

// At most one call in flight; when it is back, the newest of those asked for meanwhile follows, the others are dropped.
const latestOnly = (work) => {
  let busy = false,
    pending = null;
  const run = async (argument) => {
    if (busy) {
      pending = [argument];
      return;
    }
    busy = true;
    try {
      await work(argument);
    } finally {
      busy = false;
      if (pending) {
        const [next] = pending;
        pending = null;
        run(next);
      }
    }
  };
  return run;
};

// --- parts: see page.js ---

// The part of the page that this control belongs to, such as "vae/plane"; a control of no part has none.
const part = props.part ? genai.part(props.part) : null;

// What the stage shows has these settings: for the address, for links, saved pictures and the code.
const shows = (settings) => {
  if (part && settings) genai.shows(part, settings);
};

// A stage: `show()` draws props.value. Its first value is that of a link which was opened, or what the server begins with,
// asked for when the stage comes into the page: so the app starts without having made it.
let drawn = null; // the value that is shown, when another one that is not for this run came after it
const loadInitial = async (show) => {
  const set = (value) => {
    if (part?.running) part.stop();
    if (part) part.turn += 1;
    drawn = props.value = value;
    shows(value.settings);
    say(value.error ?? "");
    show();
  };
  if (part) {
    part.stage = element;
    part.unlinked = props.unlinked;
    part.set = set;
    part.ask = (settings) => ask(server.show, settings);
    part.request ??= async (settings) => {
      const { turn } = part,
        mine = (part.requests = (part.requests ?? 0) + 1); // of two on their way the later one counts
      const value = await part.ask(settings);
      if (value && part.turn === turn && part.requests === mine) set(value);
    };
  }
  if (part?.opening && !part.pending) await part.opening; // a link's value is on its way
  if (props.value) set(props.value);
  else if (part?.pending) set(part.pending);
  else {
    const turn = part?.turn;
    const first = part?.settings && !part.form ? await ask(server.show, part.settings) : await ask(server.start, {});
    if (first && part?.running && part.turn === turn) {
      const newest = props.value; // of a run that was started meanwhile, and goes on over what it begins with
      for (const value of [first, newest])
        if (value) {
          drawn = props.value = value;
          show();
        }
    } else if (first && !props.value) set(first);
  }
  if (part) part.pending = null;
};

// Values that a run streams to the stage: those of an earlier run, which come late, are passed over. `ended(value)` is
// called when a run is over; value.error says why, where it failed.
const watchRuns = (show, ended = (_value) => {}) =>
  watch("value", () => {
    const value = props.value;
    if (!value) return;
    if (part && value.run !== undefined && value.run !== part.run) {
      props.value = drawn;
      return;
    }
    if (value.over) {
      props.value = drawn;
      if (part) part.running = false;
      if (value.error) say(value.error, true);
      ended(value);
      if (!value.error) part?.over?.();
      return;
    }
    drawn = value;
    if (failed) say("");
    if (part?.asked) shows(part.asked); // only now: settings that were refused are not what is shown
    if (part) part.asked = null;
    show();
  });

// What was asked for is seen: a stage of which less than a quarter of the window shows anything comes into it.
const comeIntoView = (node, block = "start") => {
  if (!node) return;
  const { top, bottom } = node.getBoundingClientRect();
  if (Math.min(bottom, innerHeight) - Math.max(top, 0) < innerHeight / 4) node.scrollIntoView({ block });
};

// Start a run with these settings: the server streams to the stage (demos/_ui/tab.py); one that goes on is ended, and a
// training in another part, which has the worker that this one may need.
const startRun = (settings, more = {}) => {
  stopRun();
  for (const other of Object.values(genai.parts))
    if (part.long && other.long && other.running) other.stop("This was stopped, because another training was started.");
  part.stop = stopRun;
  part.run = `${performance.timeOrigin + performance.now()}`;
  part.running = true;
  part.asked = settings;
  say("");
  comeIntoView(part.stage);
  props.value = { ask: { settings, run: part.run, ...more } };
  trigger("submit");
};
const stopRun = (why = "") => {
  if (part.running) {
    trigger("stop"); // once: Gradio fails where a run is cancelled twice at a time
    server.ended?.({ run: part.run }).catch(() => {}); // one that the page has not heard of yet ends by this
  }
  if (why) say(why);
  part.run = part.asked = null;
  part.running = false;
  part.over?.(); // who stops the run of a preset still sees its observation
};

const without = (object, name) => Object.fromEntries(Object.entries(object).filter(([key]) => key !== name));
const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
const base64 = (array) => {
  let text = "";
  for (let i = 0; i < array.length; i += 8192) text += String.fromCharCode(...array.subarray(i, i + 8192));
  return btoa(text);
};
const download = (png, name) => {
  const url = URL.createObjectURL(new Blob([bytes(png)], { type: "image/png" }));
  const link = make("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
};

// A link to the clipboard, and into a field, from where it can be copied in a page that has no clipboard.
const copyLink = async (link, field, report = say) => {
  field.value = link;
  field.hidden = false;
  field.select();
  try {
    await navigator.clipboard.writeText(link);
    report("Link copied.");
  } catch {
    report("Copy the link from the field.");
  }
};

const readFile = async (file, limit = 12e6) => {
  if (file.size > limit) {
    say(`That file is larger than ${limit / 1e6} MB.`);
    return null;
  }
  return base64(new Uint8Array(await file.arrayBuffer()));
};

// Dropping a file on `place`, or choosing one with `input`, gives its bytes in base64 to `use`; where `input` takes
// several, [{name, data}] of all of them, together no larger than one may be.
const acceptFiles = (place, input, use, limit = 12e6) => {
  const take = async (list) => {
    const files = [...list];
    if (!files.length) return;
    if (!input.multiple) {
      const data = await readFile(files[0], limit);
      if (data) use(data);
      else if (data === "") say("That file is empty.");
    } else if (files.reduce((sum, file) => sum + file.size, 0) > limit) {
      say(`${files.length > 1 ? "Those files are" : "That file is"} larger than ${limit / 1e6} MB.`);
    } else {
      let read;
      try {
        read = await Promise.all(files.map(async (file) => ({ name: file.name, data: await readFile(file, limit) })));
      } catch {
        say("That cannot be read: drop files, not folders."); // a folder has no bytes
        return;
      }
      use(read);
    }
  };
  place.addEventListener("dragover", (event) => event.preventDefault());
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    take(event.dataTransfer.files);
  });
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
};

// A label that stands for a hidden file input opens it by Enter and space, as a button would.
element.querySelectorAll("label.tool").forEach((label) =>
  label.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      label.querySelector("input").click();
    }
  }),
);
