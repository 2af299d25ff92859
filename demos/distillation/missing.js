// The missing digit. value: {settings: {model, source, bias}, all, missing (accuracy at each 0.1 of bias), sheet (PNG, 8 a row),
// labels, logits, classes (unseen), names, chosen, students, sources, judged, top}
let value = null,
  picture = new Image();
const bias = () => +$(".bias").value;
const asked = (change = {}) => ({ model: $(".student").value, source: $(".source").value, bias: bias(), ...change });
const at = (list) => list[Math.round(bias() * 10)];
const percent = (v) => `${(100 * v).toFixed(1)} %`;
const chart = () => {
  if (!value) return;
  const sized = sizedCanvas($(".chart"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized;
  c.font = "12px system-ui";
  const n = value.all.length,
    low = Math.min(...value.all, ...value.missing),
    marks = roundTicks(low, 1),
    x = (k) => 62 + (k / (n - 1)) * (w - 82),
    y = (v) => 10 + ((1 - v) / (1 - Math.min(low, marks[0]) || 1)) * (h - 50);
  c.strokeStyle = colour("--line");
  c.fillStyle = colour("--ink-soft");
  c.textAlign = "right";
  for (const v of marks) {
    c.beginPath();
    c.moveTo(62, y(v));
    c.lineTo(w - 20, y(v));
    c.stroke();
    c.fillText(exactPercent(v), 56, y(v) + 4);
  }
  c.textAlign = "center";
  for (let k = 0; k < n; k += 20) c.fillText(k / 10, x(k), h - 22);
  c.fillText("bias added to the logit", w / 2 + 15, h - 5);
  for (const [list, ink] of [
    [value.all, "--noise"],
    [value.missing, "--made"],
  ]) {
    c.strokeStyle = c.fillStyle = colour(ink);
    c.lineWidth = 2.5;
    c.beginPath();
    list.forEach((v, k) => c.lineTo(x(k), y(v)));
    c.stroke();
    c.beginPath();
    c.arc(x(bias() * 10), y(at(list)), 5, 0, 7);
    c.fill();
  }
  c.strokeStyle = colour("--accent");
  c.lineWidth = 1;
  c.beginPath();
  c.moveTo(x(bias() * 10), 8);
  c.lineTo(x(bias() * 10), h - 40);
  c.stroke();
};
const threes = () => {
  let right = 0;
  const figures = value.labels.map((label, k) => {
    const z = value.logits[k].map((v, c) => v + (value.classes.includes(c) ? bias() : 0)),
      answer = z.indexOf(Math.max(...z));
    const figure = make("figure"),
      canvas = make("canvas", {
        class: "pixels",
        width: 28,
        height: 28,
        role: "img",
        "aria-label": `a ${value.names[label]}, read as ${value.names[answer]}`,
      });
    canvas.getContext("2d").drawImage(picture, (k % 8) * 28, Math.floor(k / 8) * 28, 28, 28, 0, 0, 28, 28);
    right += +(answer === label);
    figure.append(
      canvas,
      make(
        "figcaption",
        { class: answer === label ? "right" : "" },
        `${value.names[answer]}${answer === label ? " ✓" : ""}`,
      ),
    );
    return figure;
  });
  $(".threes").replaceChildren(...figures);
  $(".head").textContent =
    `With a bias of ${bias().toFixed(1)} it reads ${percent(at(value.missing))} of what it never saw, ${percent(at(value.all))} of all ${value.judged.toLocaleString("en")} digits, and ${right} of these ${value.labels.length}`;
};
const draw = () => {
  $(".readout").textContent = bias().toFixed(1);
  if (!value) return; // dragged before the student has answered
  shows(asked());
  chart();
  threes();
};
const show = () => {
  if (!props.value?.sheet) return;
  value = props.value;
  if (!$(".student").children.length) {
    $(".student").replaceChildren(
      ...Object.entries(value.students).map(([name, title]) => make("option", { value: name }, title)),
    );
    $(".source").replaceChildren(...value.sources.map((name) => make("option", { value: name }, name)));
    $(".bias").max = value.top;
  }
  $(".student").value = value.settings.model;
  $(".source").value = value.settings.source;
  $(".bias").value = value.settings.bias;
  picture = new Image();
  picture.onload = draw;
  picture.src = "data:image/png;base64," + value.sheet;
};
// What the fields say when they change: an answer to an earlier change fills them again.
const follow = latestOnly((settings) => part.request(settings));
const look = () => follow(asked());
$(".bias").addEventListener("input", draw);
$(".best").addEventListener("click", () => {
  $(".bias").value = value.chosen;
  draw();
});
for (const name of [".student", ".source"]) $(name).addEventListener("change", look);
new ResizeObserver(chart).observe($(".chart"));
loadInitial(show);
