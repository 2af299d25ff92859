// Comparison. value: {all: [message]} or one message {model, title, prompt, loss (nats a character), note, begins (a
// run's first), new: [[text, p]], made, ms, nll}
let columns = {};
const NUMBERS = ["order", "temperature", "tokens", "seed"];
const chosenSettings = () => ({
  prompt: $(".prompt").value,
  ...Object.fromEntries(NUMBERS.map((name) => [name, +$("." + name).value])),
});
const readouts = () => {
  for (const name of ["order", "temperature"]) $(`.value-${name}`).textContent = $("." + name).value;
};
const column = (message) => {
  const box = make("div"),
    rows = ["time per token", "loss per character, unseen text", "perplexity, unseen text", "loss on its own text"].map(
      (title) => {
        const row = make("tr");
        row.append(make("td", {}, title), make("td", { class: "num" }));
        return row;
      },
    );
  const table = make("table"),
    chips = make("div", { class: "chips", "aria-label": `Text of the ${message.title}` }),
    head = make("h3", {}, message.title);
  table.append(...rows);
  chips.append(make("span", { class: "prompted" }, message.prompt));
  box.append(head, table, chips, walkable(chips));
  $(".three").append(box);
  return { rows, chips };
};
const take = (message) => {
  if (message.begins) {
    columns = {};
    $(".three").replaceChildren();
  }
  const { rows, chips } = (columns[message.model] ??= column(message)),
    cell = (k, text) => {
      rows[k].lastChild.textContent = text;
    };
  for (const [text, p] of message.new) {
    const chip = addToken(chips, text),
      whole = p * +(chip.dataset.p ?? 1); // of all its tokens
    chip.dataset.p = whole;
    shadeChip(chip, -Math.log(Math.max(whole, 1e-4)) / 6);
    chip.title = `p = ${whole < 0.0005 ? whole.toExponential(1) : whole.toFixed(3)}`;
  }
  cell(0, `${message.ms.toFixed(2)} ms`);
  cell(1, message.loss === null ? "–" : `${message.loss.toFixed(3)} nat`);
  cell(2, message.loss === null ? "–" : Math.exp(message.loss).toFixed(2));
  cell(3, `${message.nll.toFixed(2)} nat`);
  $(".note").textContent = message.note;
};
const read = () => {
  const value = props.value;
  if (value?.settings) {
    $(".prompt").value = value.settings.prompt;
    for (const name of NUMBERS) $("." + name).value = value.settings[name];
    readouts();
  }
  for (const message of value?.all ?? (value?.new ? [value] : [])) take(message);
};
$(".key").replaceChildren(...keyOf("expected", "surprising to the model itself"));
$(".go").addEventListener("click", () => startRun(chosenSettings()));
$(".halt").addEventListener("click", () => stopRun());
for (const name of NUMBERS) $("." + name).addEventListener("input", readouts);
part.request = async (settings) => {
  $(".prompt").value = settings.prompt;
  for (const name of NUMBERS) $("." + name).value = settings[name];
  readouts();
  startRun(settings);
};
watchRuns(read);
loadInitial(read);
