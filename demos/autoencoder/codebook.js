// The 64 tokens of a picture. value: {settings: {seed, caption, pixels, tokens, at}, original, drawn (PNG), own: its own 64
// tokens, caption, psnr, read: {things: [[text, right or null]], missed}, reach: {map, inside, around} or null, bits}
const GRID = 8;
let value = null,
  at = 0, // the selected token
  wanted = null, // settings that were asked for, of which there is no answer yet
  asking = null, // those of which the answer is on its way
  codes = null, // {order, shares, perplexity, sheet: Image, columns}
  copied = null, // [[down, across, token]] relative to the token that was selected
  over = null; // the token under the pointer
const board = $(".board"),
  shelf = $(".codes canvas"),
  usage = $(".usage");
const tokens = () => wanted?.tokens ?? value.settings.tokens;
const share = (k) => `${(codes.shares[k] / 1e4).toFixed(2)} % of all tokens`;

const paintGrid = (canvas, list, live) => {
  const sized = sizedCanvas(canvas);
  if (!sized) return;
  const { context: c, width } = sized,
    side = width / GRID;
  c.font = `600 ${Math.max(8, Math.min(12, side / 3.1))}px system-ui`;
  c.textAlign = "center";
  c.textBaseline = "middle";
  list.forEach((token, i) => {
    const x = (i % GRID) * side,
      y = Math.floor(i / GRID) * side,
      other = live && token !== value.own[i];
    c.strokeStyle = "rgba(148,163,184,.45)";
    c.lineWidth = 1;
    c.strokeRect(x, y, side, side);
    if (other) {
      c.strokeStyle = colour("--made");
      c.lineWidth = 2;
      c.strokeRect(x + 2, y + 2, side - 4, side - 4);
    }
    // over what is drawn only those that say something new, where the others can be read over x
    if ($(".numbers").checked && side > 24 && (!live || other || i === at || $(".own").clientWidth < 24 * GRID)) {
      c.strokeStyle = "rgba(0,0,0,.75)";
      c.lineWidth = 2.5;
      c.strokeText(token, x + side / 2, y + side / 2);
      c.fillStyle = "white";
      c.fillText(token, x + side / 2, y + side / 2);
    }
  });
  for (const [i, ink, wide] of [
    [over, "rgba(255,255,255,.9)", 2],
    [at, colour("--accent"), 3],
  ]) {
    if (i === null) continue;
    c.strokeStyle = ink;
    c.lineWidth = wide;
    c.strokeRect((i % GRID) * side + wide / 2, Math.floor(i / GRID) * side + wide / 2, side - wide, side - wide);
  }
};
const paintCodes = () => {
  if (!codes || !shelf.clientWidth) return;
  const across = 16,
    side = shelf.clientWidth / across,
    rows = Math.ceil(codes.order.length / across);
  shelf.style.height = `${rows * side}px`;
  const { context: c } = sizedCanvas(shelf),
    chosen = value ? tokens()[at] : -1;
  c.imageSmoothingEnabled = false;
  codes.order.forEach((token, k) => {
    const x = (k % across) * side,
      y = Math.floor(k / across) * side,
      [sx, sy] = [8 * (k % codes.columns), 8 * Math.floor(k / codes.columns)];
    c.drawImage(codes.sheet, sx, sy, 8, 8, x + 1, y + 1, side - 2, side - 2);
    if (token === chosen) {
      c.strokeStyle = colour("--accent");
      c.lineWidth = 3;
      c.strokeRect(x + 1.5, y + 1.5, side - 3, side - 3);
    }
  });
};
const paintUsage = () => {
  const sized = codes && sizedCanvas(usage);
  if (!sized) return;
  const { context: c, width, height } = sized,
    most = codes.shares[0] || 1,
    step = width / codes.order.length,
    chosen = value ? tokens()[at] : -1;
  codes.order.forEach((token, k) => {
    const high = (codes.shares[k] / most) * (height - 4);
    c.fillStyle = colour(token === chosen ? "--made" : "--real");
    if (token === chosen) c.fillRect(k * step - 1, 0, Math.max(3, step), height);
    else c.fillRect(k * step, height - high, Math.max(1, step - 0.4), high);
  });
};
const paint = () => {
  if (!value?.drawn) return;
  paintGrid($(".own"), value.own, false);
  paintGrid(board, tokens(), true);
  paintCodes();
  paintUsage();
};
const tell = (i) => {
  const token = tokens()[i],
    k = codes ? codes.order.indexOf(token) : -1,
    was = value.own[i] === token ? "" : `, its own was ${value.own[i]}`;
  $(".about").textContent =
    `Token in row ${Math.floor(i / GRID) + 1}, column ${(i % GRID) + 1}: code ${token}${was}` +
    (k < 0 ? "" : `, rank ${k + 1}, ${share(k)}`);
};
const show = () => {
  if (!props.value?.drawn) return;
  value = props.value;
  const own = asking && ["seed", "caption", "pixels"].every((name) => asking[name] === value.settings[name]);
  if (!own) wanted = null; // a preset, a link or a saved picture
  if (own && at !== value.settings.at) shows({ ...value.settings, at });
  else at = value.settings.at;
  $(".which").textContent = "Click a code to put it in the place of the selected token.";
  $(".original").src = "data:image/png;base64," + value.original;
  $(".drawn").src = "data:image/png;base64," + value.drawn;
  $(".original").alt = value.caption ? `The picture that is encoded: ${value.caption}` : "Your picture";
  $(".bytes").textContent = `${(64 * 64 * 3).toLocaleString("en")} bytes`;
  $(".quality").textContent = `of ${value.bits} bits: ${(64 * value.bits) / 8} bytes, PSNR ${value.psnr.toFixed(1)} dB`;
  $(".undo").disabled = !value.reach;
  $(".changed").hidden = !value.reach;
  if (value.reach) {
    const { map, inside, around } = value.reach;
    $(".map").src = "data:image/png;base64," + map;
    $(".far").textContent =
      `Brighter in orange, darker in blue. Of the change (squared), ${(100 * inside).toFixed(0)} % lies on the patches ` +
      `of the exchanged tokens, ${(100 * around).toFixed(0)} % on these and their neighbours.`;
  }
  $(".words").value = value.settings.caption;
  readings($(".reads"), "The reader, another network, sees", value.read);
  tell(at);
  paint();
};
const send = latestOnly(async (settings) => {
  asking = settings;
  await part.request(settings);
  asking = null;
  if (wanted === settings) wanted = null;
  paint();
});
const request = (settings) => {
  wanted = settings;
  send(settings);
};
const select = (i) => {
  at = i;
  shows({ ...value.settings, at });
  tell(i);
  paint();
};
const exchange = (changes) => {
  if (wanted && !wanted.tokens) return; // of another picture, which is on its way
  const list = [...tokens()];
  for (const [i, token] of changes) list[i] = token;
  request({ ...value.settings, tokens: list, at });
};
const fresh = (changes) => request({ seed: value.settings.seed, caption: "", pixels: "", at, ...changes });
const placeOf = (event, canvas, across, rows) => {
  const box = canvas.getBoundingClientRect(),
    x = Math.floor(((event.clientX - box.left) / box.width) * across),
    y = Math.floor(((event.clientY - box.top) / box.height) * rows);
  return x >= 0 && y >= 0 && x < across && y < rows ? y * across + x : null;
};
board.addEventListener("pointermove", (event) => {
  if (!value) return;
  over = placeOf(event, board, GRID, GRID);
  if (over !== null) tell(over);
  paintGrid(board, tokens(), true);
});
board.addEventListener("pointerleave", () => {
  if (!value) return;
  over = null;
  tell(at);
  paintGrid(board, tokens(), true);
});
board.addEventListener("click", (event) => {
  const i = value && placeOf(event, board, GRID, GRID);
  if (i !== null) select(i);
});
const copy = () => {
  const [row, column] = [Math.floor(at / GRID), at % GRID];
  copied = [];
  for (let dy = -1; dy <= 1; dy++)
    for (let dx = -1; dx <= 1; dx++)
      if (row + dy >= 0 && row + dy < GRID && column + dx >= 0 && column + dx < GRID)
        copied.push([dy, dx, tokens()[(row + dy) * GRID + column + dx]]);
  $(".paste").disabled = false;
};
const paste = () => {
  const [row, column] = [Math.floor(at / GRID), at % GRID];
  exchange(
    copied
      .map(([dy, dx, token]) => [row + dy, column + dx, token])
      .filter(([y, x]) => y >= 0 && y < GRID && x >= 0 && x < GRID)
      .map(([y, x, token]) => [y * GRID + x, token]),
  );
};
board.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
  if (!value || event.ctrlKey || event.metaKey || event.altKey) return;
  if (step) {
    event.preventDefault();
    const clip = (v) => Math.max(0, Math.min(GRID - 1, v));
    select(clip(Math.floor(at / GRID) + step[0]) * GRID + clip((at % GRID) + step[1]));
  }
  if (event.key.toLowerCase() === "c") copy();
  if (event.key.toLowerCase() === "v" && copied) paste();
});
const codeAt = (event) => {
  if (!codes || !value) return null;
  const k = placeOf(event, shelf, 16, Math.ceil(codes.order.length / 16));
  return k !== null && k < codes.order.length ? k : null;
};
shelf.addEventListener("pointermove", (event) => {
  const k = codeAt(event);
  if (k !== null) $(".which").textContent = `Code ${codes.order[k]}: rank ${k + 1}, ${share(k)}`;
});
shelf.addEventListener("click", (event) => {
  const k = codeAt(event);
  if (k !== null) exchange([[at, codes.order[k]]]);
});
// By the keyboard: the next code in the order of use.
$(".codes").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -16, ArrowDown: 16 }[event.key];
  if (!step || !codes || !value) return;
  event.preventDefault();
  const k = codes.order.indexOf(tokens()[at]) + step;
  if (k >= 0 && k < codes.order.length) exchange([[at, codes.order[k]]]);
});
$(".copy").addEventListener("click", () => value && copy());
$(".paste").addEventListener("click", paste);
$(".undo").addEventListener("click", () => value && request({ ...value.settings, tokens: value.own, at }));
$(".another").addEventListener(
  "click",
  () => value && fresh({ seed: ((wanted ?? value.settings).seed + 1) % 2147483648 }),
);
$(".numbers").addEventListener("change", paint);
$(".draws").addEventListener("submit", (event) => {
  event.preventDefault();
  if (value) fresh({ caption: $(".words").value });
});
acceptFiles($(".stage"), $(".file"), async (png) => {
  const pixels = await ask(server.open_picture, { png });
  if (pixels && value) fresh({ pixels });
});
new ResizeObserver(paint).observe(element);
const begin = async () => {
  show();
  if (codes || !value) return;
  const answer = await ask(server.palette, {});
  if (!answer || codes) return;
  const sheet = new Image();
  sheet.onload = () => {
    codes = {
      order: [...int16s(answer.order)],
      shares: [...new Int32Array(bytes(answer.shares).buffer)],
      sheet,
      columns: answer.columns,
    };
    const used = codes.shares.filter((s) => s > 0).length;
    $(".spread").textContent =
      `How often each code is used, of unseen scenes: ${used} of ${codes.order.length} are, as varied as ` +
      `${answer.perplexity.toFixed(0)} used alike (the perplexity).`;
    tell(at);
    paint();
  };
  sheet.src = "data:image/png;base64," + answer.swatches;
};
$(".numbers").checked = !matchMedia("(max-width: 720px)").matches; // on a phone they would hide the picture
loadInitial(begin);
