// A lesson: a bar with the step that is shown, and what builds one. It is in the address after the #, which no server is
// sent: #lesson=<the name of one that is shipped, or "." and the lesson itself>&step=<from 1>, or #build. A lesson:
// {title, steps: [{link (of this app, "tab=vae&part=sliders"), text}]}. One that is being built is kept in the browser.
// props: titles {"vae": "VAE", "vae/plane": "Plane"}.
const DRAFT = "genai.lesson",
  LARGEST = 200_000, // bytes of a file
  MOST = 40, // steps
  LONGEST = 400; // characters of a text
const shipped = {}; // name -> lesson
let lesson = null,
  draft = { title: "", steps: [] };

// --- reading one

const packed = (one) =>
  "." +
  base64(new TextEncoder().encode(JSON.stringify(one)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
const unpacked = (text) => {
  try {
    return JSON.parse(new TextDecoder().decode(bytes(text.slice(1).replaceAll("-", "+").replaceAll("_", "/"))));
  } catch {
    return null;
  }
};
// Why a lesson cannot be used, or "".
const fault = (one) => {
  if (typeof one?.title !== "string" || !Array.isArray(one.steps))
    return "This is not a lesson: it has a title and steps.";
  if (one.title.length > 100) return "The title has more than 100 characters.";
  if (one.steps.length < 1 || one.steps.length > MOST) return `A lesson has 1 to ${MOST} steps.`;
  for (const [k, step] of one.steps.entries()) {
    if (typeof step?.text !== "string" || step.text.length > LONGEST)
      return `Step ${k + 1} must have a text of at most ${LONGEST} characters.`;
    const tab = typeof step.link === "string" && /^tab=/.test(step.link) && new URLSearchParams(step.link).get("tab");
    if (!tab || tab.includes("/") || !Object.hasOwn(props.titles, tab))
      return `Step ${k + 1} does not link to a tab of this app.`;
  }
  return "";
};
const named = async (name) => {
  if (name.startsWith(".")) return unpacked(name);
  shipped[name] ??= await ask(server.lesson, { name });
  return shipped[name];
};
const inAddress = () => {
  const found = new URLSearchParams(location.hash.slice(1));
  return { name: found.get("lesson"), step: Math.round(Number(found.get("step"))) || 1, build: found.has("build") };
};

// --- the bar

const show = async () => {
  const { name, step, build } = inAddress();
  $(".lesson-build").hidden = !build;
  if (!name) {
    $(".lesson-bar").hidden = true;
    return;
  }
  lesson = await named(name);
  if (inAddress().name !== name) return;
  const why = fault(lesson);
  $(".lesson-bar").hidden = Boolean(why);
  if (why) {
    if (lesson || name.startsWith(".")) say(`This lesson cannot be used. ${why}`);
    return;
  }
  say("");
  const at = Math.max(1, Math.min(lesson.steps.length, step));
  $(".lesson-where").textContent = `${lesson.title} · step ${at} of ${lesson.steps.length}`;
  $(".lesson-text").textContent = lesson.steps[at - 1].text;
  $(".lesson-back").disabled = at === 1;
  $(".lesson-next").disabled = at === lesson.steps.length;
  return at;
};
// To a step: its link is opened as if it had been followed, so that the browser's Back goes to the step before.
const go = (name, step, link) => {
  history.pushState({}, "", `?${link}#lesson=${name}&step=${step}`);
  window.dispatchEvent(new PopStateEvent("popstate"));
  window.scrollTo({ top: 0 });
};
const move = async (by) => {
  const at = await show();
  if (at && lesson.steps[at - 1 + by]) go(inAddress().name, at + by, lesson.steps[at - 1 + by].link);
};
const withoutHash = () => {
  history.pushState(history.state, "", location.pathname + location.search);
  show();
};
$(".lesson-back").addEventListener("click", () => move(-1));
$(".lesson-next").addEventListener("click", () => move(1));
$(".lesson-leave").addEventListener("click", withoutHash);
// A lesson that is being built is not lost unasked.
const mayReplace = () => !draft.steps.length || confirm("Replace the lesson that you are building?");
$(".lesson-change").addEventListener("click", () => {
  if (!mayReplace()) return;
  draft = structuredClone(lesson);
  update();
  location.hash = "build";
});

// --- building one

const store = () => {
  if (!$(".lesson-address").hidden) say(""); // its link was that of the lesson before
  $(".lesson-address").hidden = true;
  try {
    localStorage.setItem(DRAFT, JSON.stringify(draft));
  } catch {
    // where the browser stores nothing, it lasts until the page is left
  }
};
const update = () => {
  store();
  list();
};
const nameOf = (link) => {
  const found = new URLSearchParams(link),
    tab = found.get("tab"),
    name = props.titles[`${tab}/${found.get("part")}`];
  return [props.titles[tab], name].filter(Boolean).join(", ");
};
const moveStep = (from, to) => {
  const [step] = draft.steps.splice(from, 1);
  draft.steps.splice(to, 0, step);
  update();
  const tools = [...$(".lesson-list").children[to].querySelectorAll(".tools button")],
    pressed = tools[to < from ? 0 : 1];
  (pressed.disabled ? tools[to < from ? 1 : 0] : pressed).focus(); // to be pressed again
};
const removeStep = (k) => {
  draft.steps.splice(k, 1);
  update();
  const next = $(".lesson-list").children[Math.min(k, draft.steps.length - 1)];
  (next?.querySelector(".tools button:last-child") ?? $(".lesson-add")).focus();
};
const row = (step, k) => {
  const item = make("li"),
    line = make("div", { class: "lesson-row" }),
    tools = make("div", { class: "tools" }),
    text = make("textarea", {
      maxlength: LONGEST,
      rows: 2,
      "aria-label": `What to do in step ${k + 1}`,
      placeholder: "What to do here, and what to look for",
    });
  text.value = step.text;
  text.addEventListener("input", () => {
    step.text = text.value;
    store();
  });
  const buttons = [
    ["↑", "up", k > 0, () => moveStep(k, k - 1)],
    ["↓", "down", k < draft.steps.length - 1, () => moveStep(k, k + 1)],
    ["✕", "out of the lesson", true, () => removeStep(k)],
  ];
  for (const [sign, where, possible, act] of buttons) {
    const button = make("button", { type: "button", "aria-label": `Step ${k + 1} ${where}` }, String(sign));
    /** @type {HTMLButtonElement} */ (button).disabled = !possible;
    button.addEventListener("click", /** @type {() => void} */ (act));
    tools.append(button);
  }
  const link = make("a", { href: `?${step.link}#build` }, nameOf(step.link));
  line.append(link, tools);
  item.append(line, text);
  return item;
};
const list = () => {
  $(".lesson-titled").value = draft.title;
  $(".lesson-list").replaceChildren(...draft.steps.map(row));
};
// The draft, where it is a lesson; else says what it lacks.
const built = () => {
  const why = draft.title.trim() ? fault(draft) : "The lesson needs a title.";
  say(why);
  return why ? null : draft;
};
$(".lesson-titled").addEventListener("input", () => {
  draft.title = $(".lesson-titled").value;
  store();
});
$(".lesson-add").addEventListener("click", () => {
  const link = genai.current === "home" ? "" : new URL(genai.link(genai.current)).search.slice(1);
  if (!link) return say("Open a tab first: Home is no step of a lesson.");
  if (draft.steps.length >= MOST) return say(`A lesson has at most ${MOST} steps.`);
  draft.steps.push({ link, text: "" });
  say("");
  update();
  $(".lesson-list li:last-child textarea").focus();
});
$(".lesson-try").addEventListener("click", () => {
  if (built()) go(packed(draft), 1, draft.steps[0].link);
});
$(".lesson-copy").addEventListener("click", async () => {
  if (!built()) return;
  const url = new URL(location.href);
  url.search = draft.steps[0].link;
  url.hash = `lesson=${packed(draft)}&step=1`;
  await copyLink(url.href, $(".lesson-address"));
});
$(".lesson-save").addEventListener("click", () => {
  if (!built()) return;
  const url = URL.createObjectURL(new Blob([JSON.stringify(draft, null, 2)], { type: "application/json" })),
    link = make("a", { href: url, download: "lesson.json" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
$(".lesson-file").addEventListener("change", async () => {
  const [file] = $(".lesson-file").files;
  $(".lesson-file").value = "";
  if (!file) return;
  if (file.size > LARGEST) return say("This file is too large for a lesson.");
  let one = null;
  try {
    one = JSON.parse(await file.text());
  } catch {
    // said below
  }
  const why = fault(one);
  if (why) return say(`This file cannot be used. ${why}`);
  if (!mayReplace()) return;
  draft = { title: one.title, steps: one.steps.map(({ link, text }) => ({ link, text })) };
  say("");
  update();
});
$(".lesson-clear").addEventListener("click", () => {
  if (!mayReplace()) return;
  draft = { title: "", steps: [] };
  say("");
  update();
});
$(".lesson-close").addEventListener("click", withoutHash);

try {
  const kept = JSON.parse(localStorage.getItem(DRAFT));
  if (kept && (!kept.steps?.length || !fault(kept))) draft = { title: kept.title ?? "", steps: kept.steps ?? [] };
} catch {
  // nothing is kept, or not ours
}
list();
// A link of Home's list, or an address that was typed, names no tab: its step is opened.
const openStep = async () => {
  const at = await show();
  if (at && !new URLSearchParams(location.search).has("tab")) go(inAddress().name, at, lesson.steps[at - 1].link);
};
window.addEventListener("hashchange", openStep);
window.addEventListener("popstate", show);
openStep();
