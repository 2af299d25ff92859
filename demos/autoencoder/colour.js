// The first k channels of an ordered code. value: {settings: {seed, caption, pixels, k}, original, rebuilt, difference, pca (PNG),
// maps: a PNG a channel, psnr, psnr_pca: of 1 to 16 channels, caption, read: {things: [[text, right or null]], missed}}
const NUMBERS = 64; // of a channel
const src = (png) => `data:image/png;base64,${png}`;
let value = null,
  wanted = null; // settings that were asked for, of which there is no answer yet

const plot = () => {
  const sized = value && sizedCanvas($(".chart"));
  if (!sized) return;
  const { context: c, width: w, height: h } = sized,
    both = [...value.psnr, ...value.psnr_pca],
    [low, high] = [Math.min(...both), Math.max(...both)],
    most = value.psnr.length,
    x = (k) => 34 + (k / most) * (w - 44),
    y = (v) => 18 + (1 - (v - low) / (high - low || 1)) * (h - 58);
  c.font = "11px system-ui";
  c.textAlign = "right";
  c.lineWidth = 1;
  for (const v of roundTicks(low, high)) {
    c.strokeStyle = colour("--line");
    c.beginPath();
    c.moveTo(34, y(v));
    c.lineTo(w, y(v));
    c.stroke();
    c.fillStyle = colour("--ink-soft");
    c.fillText(v, 28, y(v) + 4);
  }
  c.textAlign = "center";
  for (const k of [1, 4, 8, 12, 16]) c.fillText(k * NUMBERS, Math.min(x(k), w - 14), h - 22);
  c.fillText("numbers of the code", (34 + w) / 2, h - 6);
  c.textAlign = "left";
  c.fillText("dB", 0, 10);
  const { k } = value.settings;
  c.fillStyle = colour("--accent");
  c.fillRect(x(k) - 0.5, 10, 1, h - 46);
  for (const [list, ink] of [
    [value.psnr_pca, "--real"],
    [value.psnr, "--made"],
  ]) {
    c.strokeStyle = c.fillStyle = colour(ink);
    c.lineWidth = 2;
    c.beginPath();
    list.forEach((v, i) => c.lineTo(x(i + 1), y(v)));
    c.stroke();
    c.beginPath();
    c.arc(x(k), y(list[k - 1]), 4.5, 0, 7);
    c.fill();
  }
};
const decibels = (v) => `${v.toFixed(1)} dB`;
const slide = (k) => {
  $(".k").value = k;
  $(".at").textContent = `${k} of ${value.psnr.length}: ${k * NUMBERS} numbers`;
};
const paint = (newest = true) => {
  const { k, caption } = value.settings;
  for (const name of ["original", "rebuilt", "difference", "pca"]) $(`.${name}`).src = src(value[name]);
  $(".original").alt = value.caption ? `The picture: ${value.caption}` : "Your picture";
  $(".k").max = value.psnr.length;
  if (newest) {
    slide(k);
    $(".words").value = caption;
  }
  $(".mine").textContent = decibels(value.psnr[k - 1]);
  $(".other").textContent = decibels(value.psnr_pca[k - 1]);
  value.maps.forEach((png, i) => {
    buttons[i].firstChild.src = src(png);
    buttons[i].setAttribute("aria-pressed", `${i < k}`);
  });
  readings($(".reads"), "A reader, another network, sees in what is rebuilt", value.read);
  plot();
};
let buttons = []; // of the maps: one stays, so that it keeps the focus
const lay = () => {
  buttons = value.maps.map((_png, i) => {
    const button = make("button", {
      type: "button",
      title: `Keep ${i + 1}`,
      "aria-label": `Keep the channels up to ${i + 1}`,
    });
    button.append(make("img", { class: "pixels", alt: "" }));
    button.addEventListener("click", () => change({ k: i + 1 }));
    return button;
  });
  $(".maps").replaceChildren(...buttons);
};
const look = latestOnly(async (settings) => {
  if (settings !== wanted) return; // a preset, a link or a saved picture came meanwhile
  const answer = await askOfStage(server.show, settings),
    newest = wanted === settings;
  if (newest) wanted = null;
  if (!answer) {
    if (newest) slide(value.settings.k); // a refused caption stays to be mended, the stage as it was
    return;
  }
  value = answer;
  props.value = answer;
  shows(answer.settings);
  paint(newest);
});
const change = (changes) => {
  if (!value) return;
  wanted = { ...(wanted ?? value.settings), ...changes };
  look(wanted);
};
const show = () => {
  if (!props.value?.maps) return;
  value = props.value;
  wanted = null;
  if (!buttons.length) lay();
  paint();
};
const fresh = (changes) => change({ caption: "", pixels: "", ...changes });
$(".k").addEventListener("input", () => {
  if (!value) return;
  const k = +$(".k").value;
  slide(k);
  change({ k });
});
$(".another").addEventListener(
  "click",
  () => value && fresh({ seed: ((wanted ?? value.settings).seed + 1) % 2147483648 }),
);
$(".draws").addEventListener("submit", (event) => {
  event.preventDefault();
  fresh({ caption: $(".words").value });
});
acceptFiles($(".stage"), $(".file"), async (png) => {
  const pixels = await ask(server.open_picture, { png });
  if (pixels) fresh({ pixels });
});
new ResizeObserver(plot).observe($(".chart"));
loadInitial(show);
