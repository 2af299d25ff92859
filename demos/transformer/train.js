// A live training of an encoder and a decoder. value: {given, wanted, output, attention [head][wanted][input], step (0 before
// it), steps, loss, exact, seconds, timed_out}, frame by frame.
let logged = [],
  trained = null, // {task, seed} of a training that has ended
  at = 0,
  follow = true;
const board = (frame, head, k) => {
  const figure = make("figure"),
    table = make("table", { "aria-label": `Cross-attention of head ${k + 1}` }),
    first = make("tr");
  first.append(make("td", { style: "background: none" }), ...[...frame.given].map((c) => make("th", {}, c)));
  table.append(first);
  head.forEach((row, i) => {
    const line = make("tr");
    line.append(make("th", {}, frame.wanted[i]));
    row.forEach((w, j) => {
      const cell = make("td", {
        title: `before “${frame.wanted[i]}” it looks at “${frame.given[j]}”: ${inPercent(w)}`,
      });
      if (w >= 0.03) shadeChip(cell, w);
      line.append(cell);
    });
    table.append(line);
  });
  figure.append(make("figcaption", {}, `Head ${k + 1}`), table);
  return figure;
};
const moment = () => {
  const frame = logged[at],
    answer = $(".answer");
  answer.replaceChildren(make("b", {}, frame.given), " → ");
  const said = make("b");
  [...frame.output].forEach((c, i) =>
    said.append(make("span", { class: c === frame.wanted[i] ? "right" : "wrong" }, c)),
  );
  answer.append(
    said,
    frame.output ? "" : "nothing yet",
    frame.output === frame.wanted ? " ✓" : ` (right: ${frame.wanted})`,
  );
  $(".boards").replaceChildren(...frame.attention.map((head, k) => board(frame, head, k)));
  $(".at").max = logged.length - 1;
  $(".at").value = at;
  $(".which").textContent = frame.step ? `step ${frame.step}` : "untrained";
  $(".progress").textContent = frame.step
    ? `Exact match on 200 other inputs: ${inPercent(frame.exact)}; loss ${frame.loss.toFixed(3)} nat per symbol. ` +
      `Step ${frame.step} of ${frame.steps}, ${frame.seconds.toFixed(0)} s${timedOut(frame)}. A link holds the settings, ` +
      "not the training."
    : `Untrained: exact match on 200 inputs ${inPercent(frame.exact)}. Press Train; it takes 10 to 30 seconds.`;
};
const curve = () => {
  $(".over").hidden = logged.length < 2;
  plotLines($(".curve"), [{ values: logged.map((frame) => frame.exact), ink: "--made" }], { low: 0, high: 1 });
};
const draw = () => {
  const frame = props.value;
  if (!frame?.attention) return;
  if (!frame.step || (logged.length && frame.step <= logged.at(-1).step)) {
    logged = logged.length && frame.step ? logged.slice(0, 1) : [];
    follow = true;
  }
  logged.push(frame);
  if (follow) at = logged.length - 1;
  moment();
  curve();
};
$(".at").addEventListener("input", () => {
  at = +$(".at").value;
  follow = at === logged.length - 1;
  moment();
});
new ResizeObserver(curve).observe($(".curve"));
new MutationObserver(() => logged.length && moment()).observe(document.body, {
  attributes: true,
  attributeFilter: ["class"],
});
// A network that has been trained answers other digits as well.
const answer = latestOnly(async (settings) => {
  const found = await askOfStage(server.answer, settings);
  if (!found?.attention || logged.length !== 1 || part.running) return;
  logged.push(found);
  at = 1;
  moment();
});
const begin = () => {
  draw();
  const { step, settings } = props.value ?? {};
  if (step === 0 && trained && settings?.task === trained.task && settings.seed === trained.seed) answer(settings);
};
watchRuns(draw, () => {
  const last = logged.at(-1);
  if (last?.step && last.step === last.steps) trained = { ...part.form.values() };
});
loadInitial(begin);
part.shown = () => (logged.length ? { output: logged[at].output, attention: logged[at].attention } : null);
