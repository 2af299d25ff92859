// The forward process. value: {settings: {pixels, step, seed}, noise (bytes, -reach to reach), reach, steps, stride, tables:
// {schedule: [noise level of every `stride`-th step]}}. While the step is dragged nothing leaves the page.
let value = null,
  seed = 0,
  noise = null,
  at = 0;
const inks = { cosine: "--made", linear: "--real", sigmoid: "--noise" };
const level = (table, step) => {
  const k = step / value.stride,
    i = Math.min(Math.floor(k), table.length - 1),
    j = Math.min(i + 1, table.length - 1);
  return table[i] + (table[j] - table[i]) * (k - i);
};
const draw = () => {
  if (!value || !noise) return;
  const x = board.pixels();
  Object.entries(value.tables).forEach(([name, table], k) => {
    const t = level(table, at),
      a = Math.cos((t * Math.PI) / 2),
      s = Math.sin((t * Math.PI) / 2);
    const figure = $(".three").children[k],
      context = figure.querySelector("canvas").getContext("2d");
    paintPixels(
      context,
      Uint8Array.from(x, (v, i) => {
        const e = (noise[i] / 255) * 2 * value.reach - value.reach;
        return Math.max(0, Math.min(255, (a * (v / 127.5 - 1) + s * e + 1) * 127.5));
      }),
      28,
    );
    figure.querySelector("span").textContent = ` · √ᾱ = ${a.toFixed(2)}`;
  });
  $(".at").value = at;
  $(".readout-at").textContent = at;
  $(".seed").textContent = `ε of seed ${seed}`;
  curves();
  publish();
};
let soon = null;
const publish = () => {
  clearTimeout(soon);
  soon = setTimeout(() => shows({ pixels: base64(board.pixels()), step: at, seed }), 150);
};
const curves = () => {
  const sized = sizedCanvas($(".snr"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized;
  c.font = "11px system-ui";
  const x = (step) => 34 + (step / value.steps) * (w - 100),
    y = (v) => h / 2 - (Math.max(-10, Math.min(10, v)) / 10) * (h / 2 - 10);
  c.strokeStyle = colour("--line");
  c.beginPath();
  c.moveTo(34, y(0));
  c.lineTo(x(value.steps), y(0));
  c.stroke();
  c.fillStyle = colour("--ink-soft");
  c.textAlign = "right";
  for (const v of [-10, 0, 10]) c.fillText(`${v}`.replace("-", "−"), 28, y(v) + 4);
  const snr = (t) => 2 * Math.log(Math.cos((t * Math.PI) / 2) / Math.sin((t * Math.PI) / 2));
  const ends = [];
  Object.entries(value.tables).forEach(([name, table]) => {
    c.strokeStyle = c.fillStyle = colour(inks[name]);
    c.lineWidth = 2;
    c.beginPath();
    table.forEach((t, k) => c.lineTo(x(k * value.stride), y(snr(t))));
    c.stroke();
    c.beginPath();
    c.arc(x(at), y(snr(level(table, at))), 4.5, 0, 7);
    c.fill();
    let place = y(snr(table.at(-1))) + 4;
    while (ends.some((end) => Math.abs(end - place) < 12)) place -= 12;
    ends.push(place);
    c.textAlign = "left";
    c.fillText(name, x(value.steps) + 8, place);
  });
};
const board = drawingPad(draw, (n) => ask(server.example, { seed: n }));
const show = () => {
  if (!props.value?.noise) return;
  value = props.value;
  noise = bytes(value.noise);
  ({ step: at, seed } = value.settings);
  $(".three").replaceChildren(
    ...Object.keys(value.tables).map((name) => {
      const figure = make("figure"),
        caption = make("figcaption");
      caption.append(make("b", {}, name), make("span", { class: "num" }));
      figure.append(
        make("canvas", {
          class: "pixels",
          width: 28,
          height: 28,
          role: "img",
          "aria-label": `noised under the ${name} schedule`,
        }),
        caption,
      );
      return figure;
    }),
  );
  board.use(bytes(value.settings.pixels), "example");
};
$(".at").addEventListener("input", () => {
  at = +$(".at").value;
  draw();
});
$(".fresh").addEventListener("click", async () => {
  const next = (seed + 1) % 2147483647,
    answer = await ask(server.noise, { seed: next });
  if (answer) {
    seed = next;
    noise = bytes(answer);
    draw();
  }
});
new ResizeObserver(() => {
  if (value) curves();
}).observe($(".snr"));
loadInitial(show);
