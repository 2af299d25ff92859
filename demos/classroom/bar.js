// A class: what its teacher brings, asks and reveals, and a learner's answer. The page remembers in sessionStorage that it
// is in one, so that a reload comes back. #class=CODE in the address joins, with &key=KEY as its teacher; #class asks for
// the code. props: opens (whether a password opens a class).
const KEY = "genai.class";
let room = null, // {code, learner, key (the teacher's, or null), seen: the last step that was opened, asked: {n, link} of the
  // question that is of a preset}
  state = null, // what the server sent last; see demos/classroom/rooms.py
  source = null, // its stream
  preset = null; // {n: of the question, show: runs the preset that it is of}

// --- what is kept, and what is asked of the server

const keep = () => {
  try {
    if (room) sessionStorage.setItem(KEY, JSON.stringify(room));
    else sessionStorage.removeItem(KEY);
  } catch {
    // where the browser keeps nothing, a reload leaves the class
  }
};
const kept = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
};
// The server's answer; undefined where it gave none, and null where it refused, which is said.
const post = async (path, body) => {
  say("");
  try {
    const answer = await fetch(`class${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    const found = await answer.json();
    if (found.error) say(found.error);
    return found.error ? null : found;
  } catch {
    say("The server does not answer. Is it still running?");
    return undefined;
  }
};
const teach = (action, more = {}) => room && post(`/${room.code}/teach`, { key: room.key, action, ...more });
const me = () => (room.key ? { key: room.key } : { learner: room.learner });
let lost = false; // the connection

// --- in and out

const leave = (why = "") => {
  source?.close();
  room = state = source = preset = genai.askClass = null;
  keep();
  show();
  say(why);
};
// A browser has six connections to a server, for all its pages: one that nobody looks at needs none for this.
const follow = () => {
  source?.close();
  if (!room || document.hidden) return;
  source = new EventSource(`class/${room.code}/events?${new URLSearchParams(me())}`);
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.onopen = () => {
    if (lost) say("");
    lost = false;
  };
  // It comes back by itself, unless the server refuses it: then it is asked why, once more.
  source.onerror = () => {
    lost = true;
    say("The connection to the class is lost; trying again …");
    if (source?.readyState !== EventSource.CLOSED) return;
    const { code } = room;
    setTimeout(async () => {
      if (room?.code !== code) return;
      const found = await post(`/${code}/join`, me());
      if (found === null) leave("The class is over.");
      else follow();
    }, 2000);
  };
};
const newLearner = () => crypto.getRandomValues(new Uint32Array(4)).join("-");
const enter = async (code, key = null) => {
  code = code.trim().toUpperCase();
  if (room?.code === code && (!key || key === room.key)) return; // it is in this class, and stays what it is there
  const learner = room?.code === code ? room.learner : newLearner(),
    who = key ? { key } : { learner };
  if (!(await post(`/${encodeURIComponent(code)}/join`, who))) return; // where it is none, the page stays in its own
  source?.close();
  state = preset = null;
  begin({ code, key, seen: 0, learner });
};
const begin = (one) => {
  room = one;
  const { key } = room;
  genai.askClass = key ? askPreset : null;
  keep();
  $(".class-door").hidden = true;
  follow();
};
// A lesson that was in the address stays there.
const byAddress = (event) => {
  const found = new URLSearchParams(location.hash.slice(1));
  if (!found.has("class")) return false;
  const before = new URLSearchParams((event?.oldURL ?? "").split("#")[1]),
    lesson = before.has("lesson") ? `#lesson=${before.get("lesson")}&step=${before.get("step") ?? 1}` : "";
  history.replaceState(history.state, "", location.pathname + location.search + lesson);
  if (lesson) window.dispatchEvent(new HashChangeEvent("hashchange")); // its bar comes back
  if (found.get("class")) enter(found.get("class"), found.get("key"));
  else door();
  return true;
};
const door = () => {
  $(".class-door").hidden = Boolean(room);
  if (!room) $(".class-code").focus();
};

// --- what comes

const take = (found) => {
  if (found.over) return leave("The class is over.");
  const asked = found.question && found.question.n !== state?.question?.n,
    revealed = found.question?.revealed && !state?.question?.revealed;
  state = found;
  if (found.step.n > room.seen) {
    room.seen = found.step.n;
    keep();
    if (!room.key) goTo(found.step.link);
  }
  show();
  const typing = document.activeElement?.matches("input[type=text], textarea");
  if ((asked || revealed) && !typing) $(".class-question").scrollIntoView({ block: "nearest" });
};
// A link of this app, as if it had been followed: the browser's Back goes to what was shown before.
const goTo = (link) => {
  history.pushState({}, "", `?${link}`); // without the step of a lesson, which is elsewhere
  window.dispatchEvent(new PopStateEvent("popstate"));
  window.scrollTo({ top: 0 });
};
const people = (n) => `${n} ${n === 1 ? "learner" : "learners"}`;
const show = () => {
  $(".class-bar").hidden = !state;
  if (!state) return;
  const teacher = Boolean(room.key),
    { question } = state;
  $(".class-where").replaceChildren("Class ", make("b", {}, state.code), ` · ${people(state.learners)} here`);
  for (const name of ["bring", "own", "copy", "end"]) $(`.class-${name}`).hidden = !teacher;
  $(".class-leave").hidden = teacher;
  $(".class-question").hidden = !question;
  if (!question) return;
  $(".class-text").textContent = question.text;
  $(".class-answers").replaceChildren(...question.answers.map((text, k) => answerOf(question, text, k)));
  $(".class-note").textContent = noteOf(question, teacher);
  $(".class-asks").hidden = !teacher;
  $(".class-reveal").hidden = question.revealed;
};
const answerOf = (question, text, k) => {
  const pressed = document.activeElement?.closest(".class-answers button");
  const choosing = !room.key && !question.revealed,
    row = choosing ? make("button", { type: "button", "aria-pressed": question.voted === k }) : make("div");
  const right = question.revealed && question.right === k;
  row.classList.toggle("mine", question.voted === k);
  row.classList.toggle("right", right);
  if (question.counts) {
    const most = Math.max(1, ...question.counts);
    row.append(make("i", { style: `width: ${(100 * question.counts[k]) / most}%` }));
  }
  const mine = question.revealed && question.voted === k;
  row.append(make("span", {}, (right ? "✓ " : "") + text + (mine ? " (your answer)" : "")));
  if (!choosing) row.tabIndex = -1; // the focus stays where it was when it is revealed
  if (question.counts) row.append(make("b", { class: "num" }, String(question.counts[k])));
  if (choosing) row.addEventListener("click", () => vote(question.n, k));
  if (pressed && [...pressed.parentElement.children].indexOf(pressed) === k) setTimeout(() => row.focus());
  return row;
};
const noteOf = (question, teacher) => {
  if (!question.revealed) {
    if (teacher) return `${question.votes} of ${people(Math.max(state.learners, question.votes))} answered.`;
    return question.voted === null ? "" : "Your answer is in. You may change it until it is revealed.";
  }
  const wrong = question.voted !== null && question.right !== null && question.voted !== question.right;
  return [wrong ? question.wrong[question.voted] : "", question.observation].filter(Boolean).join(" ");
};
let votes = Promise.resolve(); // one after another, so that the last choice is the one that counts
const vote = (number, choice) => {
  const { code, learner } = room;
  votes = votes.then(() => post(`/${code}/vote`, { learner, question: number, choice }));
};

// --- the teacher's

const linkHere = () => {
  if (genai.current === "home") say("Open a tab first: all would be brought to Home.");
  return genai.current === "home" ? "" : new URL(genai.link(genai.current)).search.slice(1);
};
const bring = async () => {
  const link = linkHere();
  if (link) await teach("bring", { link });
};
// The question of a preset, asked of the class; `run` shows what comes of it, and so does its link after a reload.
const askPreset = async ({ question, answers, observation }, run, link) => {
  const sent = answers.map(({ text, wrong }) => ({ text, wrong })),
    right = answers.findIndex(({ wrong }) => !wrong);
  const found = await teach("ask", { question: { text: question, answers: sent, right, observation } });
  if (!found || !room) return false;
  preset = { n: found.n, show: run };
  room.asked = { n: found.n, link: new URL(link).search.slice(1) };
  keep();
  return true;
};
$(".class-bring").addEventListener("click", bring);
$(".class-reveal").addEventListener("click", async () => {
  const { n } = state.question;
  if (!(await teach("reveal")) || room?.asked?.n !== n) return;
  if (preset?.n === n) {
    await preset.show();
    await bring(); // all see for themselves
  } else {
    goTo(room.asked.link);
    await teach("bring", { link: room.asked.link });
  }
});
$(".class-close").addEventListener("click", () => teach("close"));
$(".class-end").addEventListener("click", () => {
  if (confirm("End the class for all? Its code and its answers are forgotten.")) teach("end");
});
$(".class-copy").addEventListener("click", async () => {
  const url = new URL(location.href);
  url.search = "";
  url.hash = `class=${room.code}`;
  await copyLink(url.href, $(".class-address"));
});
$(".class-own").addEventListener("click", () => {
  $(".class-form").hidden = !$(".class-form").hidden;
  if (!$(".class-form").hidden) $(".class-words").focus();
});
$(".class-cancel").addEventListener("click", () => ($(".class-form").hidden = true));
$(".class-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const lines = $(".class-options")
    .value.split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  if (lines.filter((line) => line.startsWith("*")).length > 1) return say("Put a * before one answer only.");
  const right = lines.findIndex((line) => line.startsWith("*")),
    answers = lines.map((line) => ({ text: line.replace(/^\*\s*/, "") }));
  const question = { text: $(".class-words").value, answers, ...(right < 0 ? {} : { right }) };
  if (!(await teach("ask", { question }))) return;
  $(".class-form").hidden = true;
  /** @type {HTMLFormElement} */ ($(".class-form")).reset();
});
$(".class-leave").addEventListener("click", () => leave());

// --- the door

$(".class-opens").hidden = !props.opens;
$(".class-join").addEventListener("submit", (event) => {
  event.preventDefault();
  enter($(".class-code").value);
});
$(".class-open").addEventListener("submit", async (event) => {
  event.preventDefault();
  const found = await post("", { password: $(".class-password").value });
  if (!found) return;
  $(".class-password").value = "";
  enter(found.code, found.key);
});
$(".class-shut").addEventListener("click", () => ($(".class-door").hidden = true));
window.addEventListener("hashchange", byAddress);
document.addEventListener("visibilitychange", follow);
const before = kept();
if (typeof before?.code === "string") begin(before);
byAddress();
