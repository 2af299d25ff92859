// A drawing through nine bottlenecks. value: {settings: {model, pixels}, kinds {kind: title}, sizes, titles {member: title},
// own (ten digits, PNG)}
let start = null,
  member = "",
  last = null;
const SPAN = 2.5; // standard deviations to either side
const cells = {}; // member -> {button, img, mse}
const figure = (v) => v.toFixed(4);

const plot = () => {
  const sized = last && sizedCanvas($(".chart"));
  if (!sized) return;
  const { context: c, width, height } = sized,
    middle = height / 2,
    step = Math.min(40, width / last.standard.length),
    left = (width - step * last.standard.length) / 2;
  c.fillStyle = colour("--noise");
  c.fillRect(0, middle, width, 1);
  c.fillStyle = colour("--real");
  last.standard.forEach((v, k) => {
    const tall = (Math.max(-SPAN, Math.min(SPAN, v)) / SPAN) * middle;
    c.fillRect(left + k * step + 1, middle - Math.max(tall, 0), Math.max(1, step - 2), Math.max(1, Math.abs(tall)));
  });
};
const draw = () => {
  for (const [name, { png, mse }] of Object.entries(last.family)) {
    cells[name].img.src = "data:image/png;base64," + png;
    cells[name].mse.textContent = figure(mse);
    cells[name].button.setAttribute("aria-pressed", name === member);
  }
  $(".rebuilt").src = "data:image/png;base64," + last.family[member].png;
  $(".error").src = "data:image/png;base64," + last.error;
  $(".mse").textContent = `x′, error ${figure(last.family[member].mse)}`;
  const written = last.codes.length <= 8 ? `: ${last.codes.map((v) => v.toFixed(1).replace("-", "−")).join(", ")}` : "";
  $(".count").textContent = `${last.codes.length} codes${written}`;
  $(".chart").setAttribute("aria-label", `The code of ${start.titles[member]}`);
  plot();
};
const look = latestOnly(async () => {
  const settings = { model: member, pixels: base64(board.pixels()) },
    answer = await askOfStage(server.squeeze, settings);
  if (!answer || settings.model !== member) return;
  shows(settings);
  last = answer;
  draw();
});
const choose = (name) => {
  member = name;
  look();
};
const board = drawingPad(
  () => {
    paintPixels($(".input").getContext("2d"), board.pixels(), 28);
    look();
  },
  (n) => ask(server.example, { digit: n % 10 }),
);
acceptCamera($(".camera").parentElement, async (png) => {
  const pixels = await ask(server.open_picture, { png });
  if (pixels) board.use(bytes(pixels), "example");
});
const lay = () => {
  $(".own").replaceChildren(
    ...start.own.map((png, digit) => {
      const button = make("button", { type: "button", "aria-label": `Our own ${digit}` });
      button.append(make("img", { class: "pixels", alt: "", src: "data:image/png;base64," + png }));
      button.addEventListener("click", async () => {
        const pixels = await ask(server.example, { digit });
        if (pixels) board.use(bytes(pixels), "example");
      });
      return button;
    }),
  );
  const grid = [make("span"), ...start.sizes.map((n) => make("span", { class: "top" }, `${n} codes`))];
  for (const [kind, title] of Object.entries(start.kinds)) {
    grid.push(make("span", {}, title));
    for (const n of start.sizes) {
      const name = `${kind}-${n}`,
        button = make("button", { type: "button", "aria-pressed": "false" }),
        img = make("img", { class: "pixels", alt: `As rebuilt by ${start.titles[name]}` }),
        mse = make("span", { class: "num" });
      button.append(img, mse);
      button.addEventListener("click", () => choose(name));
      cells[name] = { button, img, mse };
      grid.push(button);
    }
  }
  $(".family").replaceChildren(...grid);
};
new ResizeObserver(plot).observe($(".chart"));
const show = () => {
  if (!props.value?.settings) return;
  if (!start) {
    start = props.value;
    lay();
  }
  member = props.value.settings.model;
  board.use(bytes(props.value.settings.pixels), "example");
};
loadInitial(show);
