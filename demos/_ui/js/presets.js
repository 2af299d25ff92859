// Pills: each asks its question, and sets the part's controls and starts it when it has been answered. props: part, labels.
// Which ones have been is kept in the browser alone.
const KEY = "genai.answered", // {part: [label]}
  sentence = $(".question"),
  answers = $(".answers");
const answered = () => {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {}; // no storage, or not ours
  }
};
const answeredHere = () => [answered()[props.part] ?? []].flat();
const pills = Object.fromEntries(props.labels.map((label) => [label, make("button", { type: "button" }, label)]));
const mark = () => {
  const done = answeredHere();
  for (const [label, pill] of Object.entries(pills)) pill.classList.toggle("done", done.includes(label));
};
const remember = (label) => {
  const all = answered();
  all[props.part] = [...new Set([...answeredHere(), label])];
  try {
    localStorage.setItem(KEY, JSON.stringify(all));
  } catch {
    // where the browser keeps nothing, nothing is marked
  }
  mark();
};
// While a question stands, what gives its answer away may be hidden on the stage, by the style of the part.
const asks = (label) =>
  label ? part.stage?.setAttribute("data-asks", label) : part.stage?.removeAttribute("data-asks");
const isOpen = (label) => pills[label].getAttribute("aria-pressed") === "true";

// What comes of a preset, beside the guess.
const outcome = ({ observation }, guess) => {
  const parts = [];
  if (guess) {
    const said = guess.wrong ? "You said" : "Right";
    parts.push(make("b", { class: guess.wrong ? "wrong" : "right" }, `${said}: “${guess.text}”`), ` ${guess.wrong} `);
  }
  return [...parts, make("span", { class: "seen" }, observation)];
};
const run = async (label, preset, guess = null) => {
  answers.replaceChildren();
  asks(null);
  remember(label);
  const observe = () => {
    part.over = null;
    if (isOpen(label)) sentence.replaceChildren(preset.question, " ", ...outcome(preset, guess));
  };
  part.over = null;
  part.forward?.(); // a Model shows its values
  await part.request(preset.settings);
  if (part.running) part.over = observe;
  else observe();
};
const offer = (label, preset) => {
  asks(label);
  const choices = preset.answers.map((answer) => {
    const button = make("button", { type: "button" }, answer.text);
    button.addEventListener("click", () => run(label, preset, answer));
    return button;
  });
  const skip = make("button", { type: "button", class: "skip" }, "Just show me");
  skip.addEventListener("click", () => run(label, preset));
  answers.replaceChildren(...choices, skip);
  if (!genai.askClass) return; // who teaches none
  const all = make("button", { type: "button", class: "skip" }, "Ask the class");
  all.addEventListener("click", async () => {
    const link = genai.link(props.part, preset.settings);
    if (!(await genai.askClass?.(preset, () => run(label, preset), link))) return;
    sentence.replaceChildren(); // it stands in the class's bar now
    answers.replaceChildren();
  });
  answers.append(all);
};
for (const [label, pill] of Object.entries(pills)) {
  pill.addEventListener("click", async () => {
    answers.replaceChildren(); // of another question
    asks(null);
    for (const other of Object.values(pills)) other.setAttribute("aria-pressed", `${other === pill}`);
    sentence.replaceChildren();
    const preset = await ask(server.preset, { label });
    if (!preset || !isOpen(label)) return;
    sentence.replaceChildren(preset.question);
    if (preset.answers.length) offer(label, preset);
    else run(label, preset);
  });
  $(".pills").append(pill);
}
mark();
