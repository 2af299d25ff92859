// A race of student and control. value: {run, shown} before it, then {run, step, steps, student, control, losses, real, seconds, late}
let run = null, frames = [];
const curve = () => {
  const canvas = $(".curve"), scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  if (!w) return;
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale); c.font = "12px system-ui";
  const worst = Math.min(frames.length ? 0.9 : 0, ...frames.flatMap((f) => [f.student, f.control])), low = Math.max(0, Math.floor(worst * 10) / 10), steps = frames[0]?.steps ?? 600;
  const x = (step) => 44 + (step / steps) * (w - 120), y = (v) => 10 + (1 - (v - low) / (1 - low)) * (h - 44);
  c.strokeStyle = colour("--line"); c.fillStyle = colour("--ink-soft"); c.textAlign = "right";
  for (let v = low; v <= 1.001; v += (1 - low) / 4) { c.beginPath(); c.moveTo(44, y(v)); c.lineTo(w - 76, y(v)); c.stroke(); c.fillText(`${Math.round(100 * v)} %`, 38, y(v) + 4); }
  c.textAlign = "center"; c.fillText("steps", (w - 76) / 2 + 22, h - 4);
  for (const k of [0, 0.5, 1]) c.fillText(Math.round(k * steps), x(k * steps), h - 18);
  if (!frames.length) return;
  c.textAlign = "left";
  const last = frames.at(-1), near = Math.abs(y(last.student) - y(last.control)) < 14 ? 7 : 0, above = last.student >= last.control ? -1 : 1;
  for (const [name, ink, side] of [["control", "--noise", -above], ["student", "--made", above]]) {
    c.strokeStyle = c.fillStyle = colour(ink); c.lineWidth = 2.5; c.beginPath(); frames.forEach((f) => c.lineTo(x(f.step), y(f[name]))); c.stroke();
    c.fillText(`${(100 * last[name]).toFixed(1)} %`, x(last.step) + 8, y(last[name]) + 4 + side * near);
  }
};
const BEFORE = "Nothing has been trained yet: press Race. Half a minute, no data set needed.";
const pictures = (shown) => $(".shown").replaceChildren(...shown.map(({ pixels, thoughts }) => {
  const figure = make("figure"), canvas = make("canvas", { class: "pixels", width: 28, height: 28, role: "img", "aria-label": `the teacher sees a ${thoughts[0].digit}` });
  const image = new ImageData(28, 28); bytes(pixels).forEach((v, k) => image.data.set([v, v, v, 255], 4 * k));
  canvas.getContext("2d").putImageData(image, 0, 0);
  const words = make("figcaption", { class: "num" });
  thoughts.forEach(({ digit, p }, k) => { const line = make("span", { class: k ? "second" : "first" }); line.append(make("b", {}, digit), ` ${p < 0.01 ? "<1" : Math.round(100 * p)} %`); words.append(line); });
  figure.append(canvas, words);
  return figure;
}));
const draw = () => {
  const frame = props.value;
  if (frame?.error) { say(frame.error); return; }
  if (frame?.shown) pictures(frame.shown);
  if (!frame?.step) { frames = []; run = null; $(".bar i").style.width = 0; $(".note").textContent = ""; $(".progress").textContent = BEFORE; curve(); return; }
  if (run !== frame.run) { run = frame.run; frames = []; }
  frames.push(frame);
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}, ${frame.seconds.toFixed(0)} s${late(frame)}`;
  $(".on").textContent = frame.real ? ", of 10,000 real test digits" : ", of 2,000 other digits, generated to order";
  const lead = 100 * (frame.student - frame.control);
  $(".note").textContent = frame.step === frame.steps ? `At the end the student is ${lead >= 0 ? "ahead" : "behind"} by ${Math.abs(lead).toFixed(1)} points: same size, same pictures, other answers to learn from.` : "";
  curve();
};
new ResizeObserver(curve).observe($(".curve"));
watch("value", draw); begin(draw);
