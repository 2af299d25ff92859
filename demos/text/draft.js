// Speculative decoding. value: {settings, note, begins (a run's first), new: [[text, kind, pass]] (kept, refused, own, bonus or alone: see
// demos/text/draft.py), figures: {tokens, passes, drafted, checked, accepted, rate, predicted (both null where nothing
// was drafted)} so far, seconds, plain: {seconds, alike (tokens that both texts begin with), tokens} or null}
let passes = 0,
  written = 0;
const NUMBERS = ["k", "order", "temperature", "tokens", "seed"],
  DIALS = ["k", "order", "temperature"];
const chosenSettings = () => ({
  prompt: $(".prompt").value,
  ...Object.fromEntries(NUMBERS.map((name) => [name, +$("." + name).value])),
});
const readouts = () => {
  for (const name of DIALS) $(`.value-${name}`).textContent = $("." + name).value;
};
const chips = $(".chips");
chips.setAttribute("aria-label", "The text, by who made each token");
chips.after(walkable(chips));

const WHY = {
  kept: "drafted and kept",
  own: "the GPT's own, instead of what was refused",
  bonus: "a bonus: no draft was refused",
  alone: "nothing was drafted",
};
const add = ([text, kind, pass]) => {
  const box = chips.querySelector(".pass:last-of-type"),
    title = `pass ${pass}: ${WHY[kind] ?? "drafted and refused"}`;
  const into = pass === passes ? box : make("span", { class: "pass" });
  if (into !== box) chips.append(into);
  const chip = kind === "refused" ? make("span", {}, text === "\n" ? "↵" : text) : chipOf(text);
  chip.classList.add(kind);
  chip.title = title;
  chip.classList.toggle("tail", kind === "refused" && !!into.lastChild?.classList.contains("refused")); // idle after the first
  into.append(chip);
  passes = pass;
};
const upTo = (n) => {
  [...chips.querySelectorAll(".pass")].forEach((box, i) => {
    box.hidden = i >= n;
  });
  $(".at").max = Math.max(1, passes);
  $(".at").value = n;
  $(".which").textContent = `${n} of ${passes}`;
};
const figures = ({ figures: f, seconds, plain }) => {
  const rows = [
    ["tokens", f.tokens],
    ["passes of the GPT", f.passes],
    [
      "acceptance rate",
      f.drafted ? `${Math.round(100 * f.rate)} %, ${f.accepted} of ${f.checked} checked` : "none drafted",
    ],
    ["tokens per pass", (f.tokens / Math.max(1, f.passes)).toFixed(2)],
  ];
  if (f.drafted) rows.push(["predicted by that rate", f.predicted.toFixed(2)]);
  $(".figures").replaceChildren(
    ...rows.map(([title, value]) => {
      const row = make("tr");
      row.append(make("td", {}, title), make("td", { class: "num" }, String(value)));
      return row;
    }),
  );
  $(".races").replaceChildren();
  if (!plain) {
    $(".verdict").textContent = "Writing…";
    return;
  }
  const longest = Math.max(seconds, plain.seconds),
    ms = (s) => `${Math.round(1000 * s)} ms`;
  for (const [title, kind, time] of [
    [f.drafted ? "with drafts" : "nothing drafted", "with", seconds],
    ["plain decoding, the same seed", "plain", plain.seconds],
  ]) {
    const line = make("p"),
      bar = make("div", { class: kind });
    line.append(make("span", {}, title), make("span", { class: "num" }, ms(time)));
    bar.style.width = `${(100 * time) / longest}%`;
    $(".races").append(line, bar);
  }
  const same = plain.alike === f.tokens && f.tokens === plain.tokens,
    times = plain.seconds / Math.max(1e-9, seconds);
  const alike = same
    ? `Both texts are the same, all ${f.tokens} tokens of them. `
    : `The texts diverge after ${plain.alike} tokens: there the draw fell so near to a boundary that rounding decided. `;
  const faster = !f.drafted
    ? "Nothing was drafted: both are plain decoding, and a difference in time is chance."
    : times > 1.05
      ? `Drafts made it ${times.toFixed(1)} times as fast just now.`
      : times > 0.95
        ? "It took as long with drafts as without, just now."
        : `Drafts made it ${(1 / times).toFixed(1)} times slower just now.`;
  $(".verdict").textContent = alike + faster;
};
const take = (message) => {
  if (message.begins) {
    passes = 0;
    chips.replaceChildren(make("span", { class: "prompted" }, message.settings.prompt));
  }
  message.new.forEach(add);
  upTo(passes);
  written = message.figures.tokens;
  figures(message);
  $(".note").textContent = message.note;
};
const fill = (settings) => {
  $(".prompt").value = settings.prompt;
  for (const name of NUMBERS) $("." + name).value = settings[name];
  readouts();
};
const read = () => {
  const value = props.value;
  if (value?.settings && !value.run) fill(value.settings);
  if (value?.new) take(value);
};
// What is saved is what is shown: also of a text that was ended before its last token.
const halted = () => {
  if ($(".verdict").textContent !== "Writing…") return;
  $(".verdict").textContent = "Stopped.";
  shows({ ...part.settings, tokens: written });
};
$(".go").addEventListener("click", () => startRun(chosenSettings()));
$(".halt").addEventListener("click", () => {
  stopRun();
  halted();
});
$(".at").addEventListener("input", () => upTo(+$(".at").value));
$(".whole").addEventListener("change", () => chips.classList.toggle("drafts", $(".whole").checked));
for (const name of NUMBERS) $("." + name).addEventListener("input", readouts);
part.request = async (settings) => {
  fill(settings);
  startRun(settings);
};
watchRuns(read, halted);
loadInitial(read);
