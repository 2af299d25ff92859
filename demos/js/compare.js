// Comparison. value: {all: [message]} or one message {run, settings, model, title, loss (nats a character), told,
// new: [[text, p]], made, ms, nats}; or, towards Python, {ask: settings}.
let run = null, settings = null, columns = {};
const NUMBERS = ["order", "temperature", "tokens", "seed"];
const asked = () => ({ prompt: $(".prompt").value, ...Object.fromEntries(NUMBERS.map((name) => [name, +$("." + name).value])) });
const told = () => { for (const name of ["order", "temperature"]) $(`.told-${name}`).textContent = $("." + name).value; };
const column = (message) => {
  const box = make("div"), rows = ["per token", "loss, a character of unseen text", "perplexity of it", "what it wrote, to itself"].map((title) => { const row = make("tr"); row.append(make("td", {}, title), make("td", { class: "num" })); return row; });
  const table = make("table"), chips = make("div", { class: "chips", "aria-label": `Text of the ${message.title}` }), head = make("h3", {}, message.title);
  table.append(...rows); chips.append(make("span", { class: "prompted" }, message.settings.prompt));
  box.append(head, table, chips, walkable(chips)); $(".three").append(box);
  return { rows, chips };
};
const take = (message) => {
  if (run !== message.run) {
    run = message.run; settings = message.settings; columns = {}; $(".three").replaceChildren(); say("");
    if (document.activeElement !== $(".prompt")) $(".prompt").value = settings.prompt;
    for (const name of NUMBERS) if (document.activeElement !== $("." + name)) $("." + name).value = settings[name];
    told();
  }
  const { rows, chips } = (columns[message.model] ??= column(message)), cell = (k, text) => { rows[k].lastChild.textContent = text; };
  for (const [text, p] of message.new) { const chip = chipOf(text); shadeChip(chip, -Math.log(Math.max(p, 1e-4)) / 6); chip.title = `p = ${p < 0.0005 ? p.toExponential(1) : p.toFixed(3)}`; chips.append(chip); }
  cell(0, `${message.ms.toFixed(2)} ms`);
  cell(1, message.loss === null ? "–" : `${message.loss.toFixed(3)} nat`);
  cell(2, message.loss === null ? "–" : Math.exp(message.loss).toFixed(2));
  cell(3, `${message.nats.toFixed(2)} nat`);
  $(".note").textContent = message.told;
};
const read = () => {
  const value = props.value;
  if (value?.error) { say(value.error); return; }
  for (const message of value?.all ?? (value?.new ? [value] : [])) take(message);
};
$(".key").replaceChildren(...keyOf("expected", "surprising to the model itself"));
$(".go").addEventListener("click", () => { props.value = { ask: asked() }; trigger("submit"); });
$(".halt").addEventListener("click", () => trigger("stop"));
for (const name of NUMBERS) $("." + name).addEventListener("input", told);
keep($(".stage"), () => ({ tab: "text", part: "compare", ...asked() }), server.save, server.restore, (next) => { props.value = next; read(); });
watch("value", read); begin(read);
