// Races of student and control. value: {shown} before them, then {step, steps, student, control (means), students, controls
// (of each race), losses, real, seconds, timed_out, note}
let curves = [];
const curve = () => {
  const sized = sizedCanvas($(".curve"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized;
  c.font = "12px system-ui";
  const all = curves.flatMap((f) => [...f.students, ...f.controls]),
    marks = roundTicks(Math.min(curves.length ? 1 : 0, ...all), Math.max(curves.length ? 0 : 1, ...all)),
    low = Math.min(marks[0], ...all),
    high = Math.max(marks.at(-1), ...all),
    steps = curves[0]?.steps ?? 600;
  const x = (step) => 52 + (step / steps) * (w - 128),
    y = (v) => 10 + (1 - (v - low) / (high - low || 1)) * (h - 44);
  c.strokeStyle = colour("--line");
  c.fillStyle = colour("--ink-soft");
  c.textAlign = "right";
  for (const v of marks) {
    c.beginPath();
    c.moveTo(52, y(v));
    c.lineTo(w - 76, y(v));
    c.stroke();
    c.fillText(exactPercent(v), 46, y(v) + 4);
  }
  c.textAlign = "center";
  c.fillText("steps", (w - 76) / 2 + 26, h - 4);
  for (const k of [0, 0.5, 1]) c.fillText(Math.round(k * steps), x(k * steps), h - 18);
  if (!curves.length) return;
  c.textAlign = "left";
  const last = curves.at(-1),
    near = Math.abs(y(last.student) - y(last.control)) < 14 ? 7 : 0,
    above = last.student >= last.control ? -1 : 1;
  const line = (value, width, strength) => {
    c.lineWidth = width;
    c.globalAlpha = strength;
    c.beginPath();
    for (const f of curves) c.lineTo(x(f.step), y(value(f)));
    c.stroke();
    c.globalAlpha = 1;
  };
  for (const [name, ink, side] of /** @type {[string, string, number][]} */ ([
    ["control", "--noise", -above],
    ["student", "--made", above],
  ])) {
    c.strokeStyle = c.fillStyle = colour(ink);
    const races = `${name}s`;
    if (last[races].length > 1) last[races].forEach((_, k) => line((f) => f[races][k], 1, 0.6));
    line((f) => f[name], 2.5, 1);
    c.fillText(inPercent(last[name]), x(last.step) + 8, y(last[name]) + 4 + side * near);
  }
};
const BEFORE = "Nothing has been trained yet: press Race. Half a minute, no data set needed.";
const pictures = (shown) =>
  $(".shown").replaceChildren(
    ...shown.map(({ pixels, labels }) => {
      const figure = make("figure"),
        canvas = make("canvas", {
          class: "pixels",
          width: 28,
          height: 28,
          role: "img",
          "aria-label": `the teacher sees a ${labels[0].digit}`,
        });
      const image = new ImageData(28, 28);
      bytes(pixels).forEach((v, k) => image.data.set([v, v, v, 255], 4 * k));
      canvas.getContext("2d").putImageData(image, 0, 0);
      const words = make("figcaption", { class: "num" });
      labels.forEach(({ digit, p }, k) => {
        const line = make("span", { class: k ? "second" : "first" });
        line.append(make("b", {}, digit), ` ${shareOf(p)}`);
        words.append(line);
      });
      figure.append(canvas, words);
      return figure;
    }),
  );
const draw = () => {
  const frame = props.value;
  if (frame?.shown) pictures(frame.shown);
  if (!frame?.step) {
    curves = [];
    $(".bar i").style.width = 0;
    $(".note").textContent = "";
    $(".progress").textContent = BEFORE;
    curve();
    return;
  }
  if (curves.length && frame.step <= curves.at(-1).step) curves = [];
  curves.push(frame);
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}, ${frame.seconds.toFixed(0)} s${timedOut(frame)}`;
  $(".on").textContent = frame.real
    ? ", of 10,000 real test digits"
    : ", of 2,000 other digits, class-conditional samples of our GAN";
  $(".means").textContent = frame.students.length > 1 ? "; thin lines: the single races, thick: their mean" : "";
  $(".note").textContent = frame.note;
  curve();
};
new ResizeObserver(curve).observe($(".curve"));
watchRuns(draw);
loadInitial(draw);
const races = (name) => curves.at(-1)[name].map((_, k) => curves.map((f) => f[name][k]));
part.shown = () =>
  curves.length ? { step: curves.map((f) => f.step), students: races("students"), controls: races("controls") } : null;
