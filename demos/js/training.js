// A live VAE training. value: {step, steps, late, losses, xy (100 mu), shade (0-255), by, sheet}
let history = [];
const sized = (canvas) => {
  const scale = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight, c = canvas.getContext("2d");
  canvas.width = w * scale; canvas.height = h * scale; c.scale(scale, scale);
  return [c, w, h];
};
const shade = (v) => `rgb(${viridis(v / 255)})`;
const scatter = (frame) => {
  const [c, w] = sized($(".scatter")), unit = w / 7;
  c.strokeStyle = colour("--noise"); c.globalAlpha = 0.6;
  for (const r of [1, 2]) { c.beginPath(); c.arc(w / 2, w / 2, r * unit, 0, 7); c.stroke(); }
  c.globalAlpha = 0.9;
  frame.shade.forEach((v, k) => {
    c.fillStyle = shade(v);
    c.beginPath(); c.arc(w / 2 + (frame.xy[2 * k] / 100) * unit, w / 2 - (frame.xy[2 * k + 1] / 100) * unit, 3.5, 0, 7); c.fill();
  });
};
const curves = (steps) => {
  const [c, w, h] = sized($(".curve"));
  for (const [name, ink] of [["kl", "--real"], ["reconstruction", "--made"]]) {
    const values = history.map((f) => f.losses[name]), high = Math.max(...values), low = Math.min(...values);
    c.strokeStyle = c.fillStyle = colour(ink); c.lineWidth = 2; c.beginPath();
    const y = (v) => 14 + (1 - (v - low) / (high - low || 1)) * (h - 24);
    history.forEach((f, k) => c.lineTo((f.step / steps) * (w - 70), y(values[k])));
    c.stroke();
    c.font = "12px system-ui"; c.fillText(values.at(-1).toFixed(1), (history.at(-1).step / steps) * (w - 70) + 6, y(values.at(-1)) + 4);
  }
};
const draw = () => {
  const frame = props.value;
  if (frame?.examples) {
    history = []; $(".before").hidden = false; $(".views").hidden = true;
    $(".examples").src = "data:image/png;base64," + frame.examples;
  }
  if (!frame?.step) return;
  if (history.length && frame.step <= history.at(-1).step) history = [];
  history.push({ step: frame.step, losses: frame.losses });
  $(".before").hidden = true; $(".views").hidden = false;
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}${late(frame)}`;
  $(".by").textContent = frame.by;
  $(".sheet").src = "data:image/png;base64," + frame.sheet;
  if ($(".scatter").clientWidth) { scatter(frame); curves(frame.steps); }
};
new ResizeObserver(() => { if (history.length && $(".scatter").clientWidth) { scatter(props.value); curves(props.value.steps); } }).observe(element);
watch("value", draw); draw();
