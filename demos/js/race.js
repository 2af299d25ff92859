// A race of student and control. value: {run} before it, then {run, step, steps, student, control, losses, real, seconds}
let run = null, frames = [];
const curve = () => {
  const canvas = $(".curve"), scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  if (!w) return;
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale); c.font = "12px system-ui";
  const worst = Math.min(0.9, ...frames.flatMap((f) => [f.student, f.control])), low = Math.max(0, Math.floor(worst * 10) / 10), steps = frames[0]?.steps ?? 600;
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
const draw = () => {
  const frame = props.value;
  if (frame?.error) { say(frame.error); return; }
  if (!frame?.step) { frames = []; curve(); return; }
  if (run !== frame.run) { run = frame.run; frames = []; }
  frames.push(frame);
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}, ${frame.seconds.toFixed(0)} s`;
  $(".on").textContent = frame.real ? ", of 10,000 real test digits" : ", of 2,000 other generated digits";
  const lead = 100 * (frame.student - frame.control);
  $(".note").textContent = frame.step === frame.steps ? `At the end the student is ${lead >= 0 ? "ahead" : "behind"} by ${Math.abs(lead).toFixed(1)} points: same size, same digits, other answers to learn from.` : "";
  curve();
};
new ResizeObserver(curve).observe($(".curve"));
watch("value", draw); draw();
