// A live training of an autoencoder. value: before it {examples (PNG)}; then frames {step, steps, timed_out, mse, pca, xy
// (10,000 at the edge), centre, half, shade (0-255), by, sheet}
const EDGE = 10000;
let errors = []; // [{step, mse}]
const scatter = (frame) => {
  const sized = sizedCanvas($(".scatter"));
  if (!sized) return;
  const { context, width } = sized,
    xy = int16s(frame.xy);
  context.globalAlpha = 0.9;
  bytes(frame.shade).forEach((v, k) =>
    drawShaded(context, ((1 + xy[2 * k] / EDGE) * width) / 2, ((1 - xy[2 * k + 1] / EDGE) * width) / 2, v),
  );
};
const curve = (frame) => {
  const values = Array(Math.ceil(frame.steps / errors[0].step)).fill(null);
  errors.forEach(({ mse }, k) => (values[k] = Math.log(mse)));
  plotLines($(".curve"), [
    { values: values.map(() => Math.log(frame.pca)), ink: "--noise" },
    { values, ink: "--made" },
  ]);
};
const draw = () => {
  const frame = props.value;
  if (frame?.examples) {
    errors = [];
    $(".before").hidden = false;
    $(".views").hidden = true;
    $(".examples").src = "data:image/png;base64," + frame.examples;
  }
  if (!frame?.step) return;
  if (errors.length && frame.step <= errors.at(-1).step) errors = [];
  errors.push({ step: frame.step, mse: frame.mse });
  $(".before").hidden = true;
  $(".views").hidden = false;
  $(".bar i").style.width = `${(100 * frame.step) / frame.steps}%`;
  $(".progress").textContent = `step ${frame.step} of ${frame.steps}${timedOut(frame)}`;
  $(".by").textContent = frame.by;
  $(".span").textContent = `the square is ${(2 * frame.half).toFixed(1)} wide`;
  $(".now").textContent = frame.mse.toFixed(4);
  $(".pca").textContent = frame.pca.toFixed(4);
  $(".sheet").src = "data:image/png;base64," + frame.sheet;
  scatter(frame);
  curve(frame);
};
new ResizeObserver(() => {
  if (errors.length) {
    scatter(props.value);
    curve(props.value);
  }
}).observe(element);
watchRuns(draw);
loadInitial(draw);
part.shown = () => (props.value?.sheet ? { sheet: props.value.sheet } : null);
