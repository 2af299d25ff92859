// The missing digit. value: {model, source, bias, all, missing (accuracy at each 0.1 of bias), sheet (PNG, 8 a row),
// labels, logits, classes (unseen), names, chosen, students, sources, judged, top}
let value = null, picture = new Image();
const bias = () => +$(".bias").value;
const asked = (change = {}) => ({ model: $(".student").value, source: $(".source").value, bias: bias(), ...change });
const at = (list) => list[Math.round(bias() * 10)];
const percent = (v) => `${(100 * v).toFixed(1)} %`;
const chart = () => {
  const canvas = $(".chart"), scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  if (!w || !value) return;
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale); c.font = "12px system-ui";
  const n = value.all.length, x = (k) => 50 + (k / (n - 1)) * (w - 70), y = (v) => 10 + (1 - v) * (h - 50);
  c.strokeStyle = colour("--line"); c.fillStyle = colour("--ink-soft"); c.textAlign = "right";
  for (const v of [0, 0.5, 1]) { c.beginPath(); c.moveTo(50, y(v)); c.lineTo(w - 20, y(v)); c.stroke(); c.fillText(`${100 * v} %`, 44, y(v) + 4); }
  c.textAlign = "center";
  for (let k = 0; k < n; k += 20) c.fillText(k / 10, x(k), h - 22);
  c.fillText("bias added to the logit", w / 2 + 15, h - 5);
  for (const [list, ink] of [[value.all, "--noise"], [value.missing, "--made"]]) {
    c.strokeStyle = c.fillStyle = colour(ink); c.lineWidth = 2.5; c.beginPath(); list.forEach((v, k) => c.lineTo(x(k), y(v))); c.stroke();
    c.beginPath(); c.arc(x(bias() * 10), y(at(list)), 5, 0, 7); c.fill();
  }
  c.strokeStyle = colour("--accent"); c.lineWidth = 1; c.beginPath(); c.moveTo(x(bias() * 10), 8); c.lineTo(x(bias() * 10), h - 40); c.stroke();
};
const threes = () => {
  let right = 0;
  const figures = value.labels.map((label, k) => {
    const z = value.logits[k].map((v, c) => v + (value.classes.includes(c) ? bias() : 0)), answer = z.indexOf(Math.max(...z));
    const figure = make("figure"), canvas = make("canvas", { class: "pixels", width: 28, height: 28, role: "img", "aria-label": `a ${value.names[label]}, read as ${value.names[answer]}` });
    canvas.getContext("2d").drawImage(picture, (k % 8) * 28, Math.floor(k / 8) * 28, 28, 28, 0, 0, 28, 28);
    right += answer === label;
    figure.append(canvas, make("figcaption", { class: answer === label ? "right" : "" }, `${value.names[answer]}${answer === label ? " ✓" : ""}`));
    return figure;
  });
  $(".threes").replaceChildren(...figures);
  $(".head").textContent = `With a bias of ${bias().toFixed(1)} it reads ${percent(at(value.missing))} of what it never saw, ${percent(at(value.all))} of all ${value.judged.toLocaleString("en")} digits, and ${right} of these ${value.labels.length}`;
};
const draw = () => { $(".told").textContent = bias().toFixed(1); chart(); threes(); };
const show = () => {
  if (!props.value?.sheet) { say(props.value?.error ?? ""); return; }
  value = props.value;
  if (!$(".student").children.length) {
    $(".student").replaceChildren(...Object.entries(value.students).map(([name, title]) => make("option", { value: name }, title)));
    $(".source").replaceChildren(...value.sources.map((name) => make("option", { value: name }, name)));
    $(".bias").max = value.top;
  }
  $(".student").value = value.model; $(".source").value = value.source; $(".bias").value = value.bias;
  picture = new Image(); picture.onload = draw; picture.src = "data:image/png;base64," + value.sheet;
};
const look = newest(async () => { const next = await ask(server.look, asked()); if (next) { props.value = next; show(); } });
$(".bias").addEventListener("input", draw);
$(".best").addEventListener("click", () => { $(".bias").value = value.chosen; draw(); });
for (const name of [".student", ".source"]) $(name).addEventListener("change", look);
new ResizeObserver(chart).observe($(".chart"));
keep($(".stage"), () => ({ tab: "distillation", part: "missing", ...asked() }), server.save, server.restore, (next) => { props.value = next; show(); });
watch("value", show); begin(show);
