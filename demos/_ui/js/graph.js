// A model as boxes and arrows (demos/_ui/graph.py): each value drawn as what it is, from left to right, or from top to bottom
// where the window is narrow. `modelGraph(place, details)` gives { show(values) }. A box that is pointed at or focused says
// what it is, and one that is clicked opens its equation and its source in `details`. Backward shows the gradient of the loss
// by each box instead, where the server tells it.
const drawGraph = (place, details, graph) => {
  const WIDE = 128, // of a column, with the arrow to the next one
    TALL = () => (narrow ? 146 : 128), // of a row
    TOP = 26,
    LETTER = 6.62, // the width of one in a token
    BOX = {
      picture: [84, 84],
      bars: [92, 64],
      matrix: [84, 84],
      number: [84, 44],
      tokens: [108, 84],
      ranked: [92, 84],
    };
  const nodes = Object.fromEntries(graph.nodes.map((node) => [node.id, node]));
  const [columns, rows] = [0, 1].map((axis) => Math.max(...graph.nodes.map((node) => node.at[axis])) + 1);
  const head = `head-${part.id.replace("/", "-")}`; // of the arrows; ids are unique in the page
  const drawing = makeSvg("svg", { role: "group", "aria-label": "The model as a graph" });
  const meaning = make("p", { class: "caption meaning", role: "status" });
  const tools = make("div", { class: "tools" }),
    turn = make("button", { type: "button", class: "turn" });
  tools.append(turn);
  tools.hidden = !server.gradients;
  place.replaceChildren(drawing, tools, meaning);
  details.classList.add("model-details");
  place.classList.add("model-graph");
  let values = {},
    gradients = null, // {box: gradient}, when these are shown
    back = false, // they are asked for
    narrow = null,
    opened = null;
  const shown = (id) => (gradients ?? values)[id];

  const sizeOf = (node) => BOX[node.kind] ?? [76, 84];
  const centre = (node) => {
    const [column, row] = node.at;
    return narrow
      ? [((row + 0.5) * 348) / rows, (column + 0.5) * TALL()]
      : [(column + 0.5) * WIDE, (row + 0.5) * TALL() + (skips("top") ? TOP : 6)];
  };
  // An arrow over more than one column, or back, goes around the others, over them or under them.
  const around = ([from, to]) => {
    const columns = nodes[to].at[0] - nodes[from].at[0];
    if (columns === 0 || columns === 1) return null;
    return nodes[to].at[1] < (rows - 1) / 2 ? "top" : "bottom";
  };
  const skips = (side) => graph.edges.some((edge) => around(edge) === side);
  const height = () =>
    narrow ? columns * TALL() : rows * TALL() + (skips("top") ? TOP : 6) + (skips("bottom") ? 20 : 0);

  const arrow = ([from, to]) => {
    const [a, b] = [nodes[from], nodes[to]],
      [ax, ay] = centre(a),
      [bx, by] = centre(b),
      [aw, ah] = sizeOf(a),
      [bw, bh] = sizeOf(b);
    const side = around([from, to]),
      up = side === "top" ? -1 : 1;
    if (narrow && side) {
      const x = side === "top" ? 4 : 344,
        down = Math.sign(by - ay);
      return `M${ax + (up * aw) / 2} ${ay} C${x} ${ay} ${x} ${ay} ${x} ${ay + 40 * down} L${x} ${by - 40 * down} C${x} ${by} ${x} ${by} ${bx + up * (bw / 2 + 5)} ${by}`;
    }
    if (narrow) {
      const [top, low] = [ay + ah / 2 + (shapeOf(from) ? 18 : 2), by - bh / 2 - (inside[b.kind] ? 22 : 5)];
      return `M${ax} ${top} C${ax} ${(top + low) / 2} ${bx} ${(top + low) / 2} ${bx} ${low}`;
    }
    if (side) {
      const y = side === "top" ? 8 : height() - 4,
        away = (id) => (side === "top" ? 24 : shapeOf(id) ? 22 : 8),
        end = by + up * (bh / 2 + away(to)),
        back = bx < ax,
        turn = bx + (back ? 24 : -24);
      if (back)
        return `M${ax} ${ay + up * (ah / 2 + away(from))} C${ax} ${y} ${ax} ${y} ${ax - 24} ${y} L${turn} ${y} C${bx} ${y} ${bx} ${y} ${bx} ${end}`;
      const start = ax + aw / 2 + 2;
      return `M${start} ${ay} C${start + 26} ${ay} ${start} ${y} ${start + 34} ${y} L${turn} ${y} C${bx} ${y} ${bx} ${y} ${bx} ${end}`;
    }
    if (a.at[0] === b.at[0]) {
      const down = by > ay;
      return `M${ax} ${ay + (down ? 1 : -1) * (ah / 2 + 16)} L${bx} ${by - (down ? 1 : -1) * (bh / 2 + 20)}`;
    }
    const [start, end] = [ax + aw / 2 + 2, bx - bw / 2 - 6];
    return `M${start} ${ay} C${(start + end) / 2} ${ay} ${(start + end) / 2} ${by} ${end} ${by}`;
  };

  const spelled = (value) => `${+value.toPrecision(3)}`.replace("-", "−");
  const short = (value) => {
    if (value && Math.abs(value) < 1e-4) return "≈ 0";
    if (Math.abs(value) >= 1e6) return value.toExponential(1).replace("e+", "e").replace("-", "−");
    return spelled(Math.abs(value) < 0.01 ? +value.toFixed(4) : value);
  };
  const shapeOf = (id) => {
    const value = shown(id);
    if (!value) return "";
    if (nodes[id].kind === "number") return "";
    return value.shape.join(" × ");
  };
  const sentence = (node) => {
    const value = shown(node.id);
    const range =
      value?.low !== undefined && node.kind !== "number"
        ? `, from ${spelled(value.low)} to ${spelled(value.high)}`
        : "";
    const shape = shapeOf(node.id);
    if (gradients) {
      if (!value)
        return `${node.title}: ${flows(node.id) ? "the gradient flows back through it" : "no gradient is shown here"}. ${node.meaning}`;
      const norm = node.kind === "number" ? "" : ` Its norm is ${spelled(value.norm)}.`;
      return `∂/∂${by(node)}, the gradient of the loss by ${by(node)}${shape ? `: ${shape}${range}` : ""}.${norm} ${node.meaning}`;
    }
    return `${node.title}${shape ? `: ${shape}${range}` : ""}. ${node.meaning}${listed(node, value)}`;
  };

  // The texts of a box, since not all of them may fit into it.
  const listed = (node, value) => {
    if (!value || !["tokens", "ranked"].includes(node.kind)) return "";
    const texts = value.names?.map((name, k) => `${name} ${spelled(value.data[k])}`) ?? value.data;
    const all = texts.join(" · ");
    return ` ${all.length > 160 ? `… ${all.slice(-160)}` : all}`;
  };

  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  // What is inside a box, around its middle.
  const inside = {
    picture: (node, value, [w, h]) =>
      makeSvg("image", { x: -w / 2, y: -h / 2, width: w, height: h, href: `data:image/png;base64,${value.data}` }),
    number: (node, value) =>
      makeSvg("text", { class: "number", y: 6 }, `${short(value.data)}${node.unit ? ` ${node.unit}` : ""}`),
    // From left to right, line by line; where there are too many, the last ones.
    tokens: (node, value, [w, h]) => {
      const list = makeSvg("g"),
        lines = [[]];
      let x = 0;
      if (value.data.length === 1) return makeSvg("text", { class: "one", y: 6 }, cut(value.data[0], 9));
      for (const token of value.data) {
        const text = cut(token, Math.floor((w - 4) / LETTER)),
          wide = LETTER * text.length + 4;
        if (x && x + wide > w) {
          lines.push([]);
          x = 0;
        }
        lines.at(-1)?.push({ text, wide, x });
        x += wide + 1;
      }
      const fit = Math.floor(h / 16),
        kept = lines.length > fit ? [[{ text: "…", wide: LETTER + 4, x: 0 }], ...lines.slice(1 - fit)] : lines;
      kept.forEach((line, row) => {
        for (const { text, wide, x } of line) {
          const at = { x: x - w / 2, y: -h / 2 + 2 + 16 * row };
          list.append(makeSvg("rect", { class: "chip", ...at, width: wide, height: 14, rx: 3 }));
          list.append(makeSvg("text", { class: "token", x: at.x + 2, y: at.y + 11 }, text));
        }
      });
      return list;
    },
    ranked: (node, value, [w, h]) => {
      const rows = makeSvg("g"),
        tall = Math.min(14, h / value.data.length),
        left = 40 - w / 2,
        [low, high] = [Math.min(0, value.low), Math.max(0, value.high)],
        x = (v) => left + ((v - low) / (high - low || 1)) * (w / 2 - left);
      value.data.forEach((v, k) => {
        const y = -h / 2 + tall * k;
        rows.append(makeSvg("text", { class: "token", x: 2 - w / 2, y: y + tall - 3 }, cut(value.names[k], 5)));
        rows.append(
          makeSvg("rect", {
            x: Math.min(x(0), x(v)),
            y: y + 2,
            width: Math.max(0.5, Math.abs(x(v) - x(0))),
            height: tall - 4,
            fill: `var(--${node.ink})`,
          }),
        );
      });
      return rows;
    },
    bars: (node, value, [w, h]) => {
      const bars = makeSvg("g"),
        n = value.data.length,
        most = Math.max(node.normal ? 2.4 : 0, ...value.data.map(Math.abs), 1e-9),
        signed = node.normal || value.low < 0,
        y = (v) => (signed ? (-v / most) * (h / 2) : h / 2 - (v / most) * h);
      if (node.normal)
        for (const [s, opacity] of [
          [2, 0.14],
          [1, 0.14],
        ])
          bars.append(
            makeSvg("rect", { x: -w / 2, y: y(s), width: w, height: y(-s) - y(s), fill: "var(--noise)", opacity }),
          );
      value.data.forEach((v, k) =>
        bars.append(
          makeSvg("rect", {
            x: -w / 2 + (k * w) / n + 0.5,
            y: Math.min(y(0), y(v)),
            width: Math.max(1, w / n - 1),
            height: Math.max(0.5, Math.abs(y(v) - y(0))),
            fill: `var(--${node.ink})`,
          }),
        ),
      );
      return bars;
    },
  };
  inside.matrix = (...given) => {
    const map = inside.picture(...given);
    map.setAttribute("preserveAspectRatio", "none"); // a few long rows fill the box as well
    return map;
  };
  const network = (kind, [w, h]) => {
    const [left, right] = { narrows: [h, h / 2.6], widens: [h / 2.6, h] }[kind] ?? [h, h];
    return makeSvg("path", {
      class: "network",
      d: `M${-w / 2} ${-left / 2} L${w / 2} ${-right / 2} L${w / 2} ${right / 2} L${-w / 2} ${left / 2} Z`,
    });
  };

  const box = (node) => {
    const [x, y] = centre(node),
      [w, h] = sizeOf(node),
      value = shown(node.id);
    const group = makeSvg("g", {
      transform: `translate(${x} ${y})`,
      class: `node ${node.kind}${gradients && !value && inside[node.kind] ? " without" : ""}`,
      tabindex: 0,
      role: "button",
      "data-id": node.id,
      "aria-label": sentence(node),
      "aria-pressed": node.id === opened,
    });
    group.append(makeSvg("rect", { class: "frame", x: -w / 2 - 3, y: -h / 2 - 3, width: w + 6, height: h + 6, rx: 6 }));
    if (inside[node.kind]) {
      if (value) group.append(inside[node.kind](gradients ? ofGradient(node) : node, value, [w, h]));
      group.append(
        makeSvg("text", { class: "title", y: -h / 2 - 9 }, gradients && value ? `∂/∂${by(node)}` : node.title),
      );
      node.ticks.forEach((tick, k) => {
        const x = ((k + 0.5) / node.ticks.length - 0.5) * w;
        group.append(makeSvg("text", { class: "ticks", x, y: h / 2 + 13 }, tick));
      });
      if (!node.ticks.length) group.append(makeSvg("text", { class: "shape", y: h / 2 + 15 }, shapeOf(node.id)));
    } else {
      group.append(network(node.kind, [w, h]), makeSvg("text", { class: "title", y: 4 }, node.title));
    }
    const say = () => {
      meaning.textContent = sentence(node);
    };
    group.addEventListener("pointerenter", say);
    group.addEventListener("focus", say);
    group.addEventListener("click", () => mark(node.id));
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      mark(node.id);
    });
    return group;
  };

  const ofGradient = (node) => ({ ...node, ink: "gradient", normal: false, unit: "" });
  // Whether a gradient flows back along an arrow: it goes on from a network that has passed one.
  const passes = (id) => id in (gradients ?? {});
  const learns = ([from, to]) =>
    !graph.held.some((edge) => edge[0] === from && edge[1] === to) &&
    (passes(from) || !inside[nodes[from].kind]) &&
    flows(to);
  const flows = (id) =>
    passes(id) || (!inside[nodes[id].kind] && graph.edges.some((edge) => edge[0] === id && learns(edge)));
  const by = (node) => node.by || node.title;

  // Draws all of it; the arrows light up in the order of the columns.
  const draw = (lit = false) => {
    const focused = drawing.contains(document.activeElement) ? document.activeElement?.getAttribute("data-id") : null;
    const [w, h] = [narrow ? 348 : columns * WIDE, height()];
    drawing.setAttribute("viewBox", `0 0 ${w} ${h}`);
    drawing.style.maxWidth = `${1.15 * w}px`; // few boxes are not drawn large
    const defs = makeSvg("defs"),
      tip = { viewBox: "0 0 8 8", refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" };
    for (const [id, refX, of] of [
      [head, 6, "head"],
      [`${head}-back`, 8, "head back"],
    ]) {
      const marker = makeSvg("marker", { ...tip, id, refX });
      marker.append(makeSvg("path", { d: "M0 0 L8 4 L0 8 Z", class: of }));
      defs.append(marker);
    }
    const arrows = graph.edges.map((edge) => {
      const path = makeSvg("path", { class: "edge", d: arrow(edge), pathLength: 1 }),
        learning = gradients && learns(edge),
        column = learning ? columns - 1 - nodes[edge[1]].at[0] : nodes[edge[0]].at[0];
      if (learning) {
        path.classList.add("back");
        path.setAttribute("marker-start", `url(#${head}-back)`);
      } else if (!gradients) path.setAttribute("marker-end", `url(#${head})`);
      path.style.setProperty("--ink", `var(--${nodes[edge[0]].ink})`);
      if (lit && (learning || !gradients)) {
        path.classList.add("lit");
        path.style.animationDelay = `${Math.round((90 * column) / columns)}ms`;
      }
      return path;
    });
    drawing.replaceChildren(defs, ...arrows, ...graph.nodes.map(box));
    if (focused) drawing.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
  };

  const mark = (id) => {
    opened = opened === id ? null : id; // clicked again, it closes
    for (const node of drawing.querySelectorAll(".node"))
      node.setAttribute("aria-pressed", node.getAttribute("data-id") === opened);
    if (!opened) {
      details.replaceChildren(make("p", { class: "caption" }, "Click a box for its equation and its source."));
      return;
    }
    const node = nodes[opened];
    const parts = [make("h3", {}, node.title), make("p", {}, node.meaning)];
    if (node.equation) parts.push(make("p", { class: "equation" }, node.equation));
    if (node.source) {
      const lines = make("pre", { tabindex: 0, "aria-label": `Source of ${node.title}` });
      for (const line of node.source.split("\n")) {
        const here = node.line && line.includes(node.line);
        lines.append(make(here ? "mark" : "code", {}, `${line}\n`));
      }
      parts.push(lines);
    }
    details.replaceChildren(...parts);
    details.scrollIntoView({ block: "nearest" });
  };

  const differentiate = latestOnly(async () => {
    const found = await ask(server.gradients, part.settings);
    if (!found || !back) return;
    gradients = found;
    if (narrow !== null) draw(true);
  });
  const towards = (backwards) => {
    back = backwards;
    turn.textContent = back ? "Forward: values" : "Backward: gradients";
    turn.classList.toggle("back", back);
    meaning.textContent = back
      ? `The gradient of the loss by each box, from ${narrow ? "the bottom up" : "right to left"}; a step against it makes the ` +
        "loss smaller. In pictures orange is above 0, blue below. Hover over a box, or tap it, for its norm."
      : "Hover over a box, or tap it, for its shape, range and meaning.";
  };
  turn.addEventListener("click", () => {
    towards(!back);
    if (back) return differentiate();
    gradients = null;
    draw(true);
  });
  part.forward = () => back && turn.click();

  towards(false);
  mark(null);
  new ResizeObserver(() => {
    if (!place.clientWidth) return;
    const now = place.clientWidth < 640;
    if (now === narrow) return;
    narrow = now;
    draw();
  }).observe(place);
  return {
    show: (found) => {
      values = found;
      if (back) differentiate();
      else if (narrow !== null) draw(true);
    },
  };
};
// The graph is asked for with the first values: most who open the page never see it.
const modelGraph = (place, details) => {
  let asked = null,
    drawn = null,
    newest = null;
  const show = async (values) => {
    newest = values;
    asked ??= ask(server.graph, {});
    const graph = await asked;
    if (!graph) asked = null;
    else (drawn ??= drawGraph(place, details, graph)).show(newest);
  };
  return { show };
};
