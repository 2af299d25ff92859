// The fields of a part's settings, made from the table of demos/_ui/settings.py. props: part, fields, actions [{name,
// label, primary}], settings (the defaults), again (names of settings whose change begins the stage again), acts {name: the
// action that its change starts, once there was a run}, once (names of settings that hold for one run), at_once (a change
// is shown at once, for there is no button to press), wide (it lies above its stage).
const PICKED = 4; // so many short options are buttons; more are a menu
let values = { ...props.settings };
let fresh = true; // the next run begins anew
const setters = {}; // name -> shows a value in its field
const rows = {};

const optionsOf = (field) => (field.by ? (field.sets[values[field.by]] ?? []) : field.options);

const stands = ({ only }) => !only || only[1].includes(values[only[0]]);
const change = (name, value) => {
  if (values[name] === value) return;
  values = { ...values, [name]: value };
  const { selects } = props.fields.find((field) => field.name === name) ?? {};
  if (selects && values[selects[0]] !== selects[1]) {
    values[selects[0]] = selects[1];
    setters[selects[0]]?.(selects[1]);
  }
  for (const field of props.fields) {
    if (field.by === name) refill(field);
    if (field.only?.[0] !== name) continue;
    if (!stands(field)) values[field.name] = props.settings[field.name]; // a value that nobody sees stops no run
    rows[field.name].replaceWith(row(field));
  }
  changed([name]);
};
// A value that a menu does not offer any more gives way to the first that it does.
const refill = (field) => {
  const options = optionsOf(field);
  if (!options.some(([value]) => value === values[field.name])) values[field.name] = options[0]?.[0];
  rows[field.name].replaceWith(row(field));
};
const changed = (names) => {
  say("");
  if (props.at_once) request(values);
  else if (names.some((name) => props.again.includes(name))) begin();
  else if (!fresh) for (const name of names) if (props.acts[name]) run(props.acts[name]);
};
// The stage as it is before a run with these settings.
const begin = latestOnly(async () => {
  stopRun();
  fresh = true;
  const value = await ask(server.show, values);
  if (value && part.set) part.set(value);
});

const number = (text, fallback) => (text.trim() === "" || !Number.isFinite(+text) ? fallback : +text);
const widgets = {
  range: (field) => {
    const line = make("span", { class: "slide" }),
      limits = { min: field.min, max: field.max, step: field.step },
      slider = make("input", { type: "range", ...limits }),
      exact = make("input", { type: "number", "aria-label": `${field.label}, exact`, ...limits, step: "any" });
    setters[field.name] = (value) => {
      slider.value = exact.value = value;
    };
    slider.addEventListener("input", () => {
      exact.value = slider.value;
      change(field.name, +slider.value);
    });
    exact.addEventListener("change", () => {
      const value = number(exact.value, values[field.name]); // what was there, where the field was emptied
      slider.value = exact.value = value;
      change(field.name, value);
    });
    line.append(slider, exact);
    return line;
  },
  number: (field) => {
    const input = make("input", { type: "number", min: field.min, max: field.max, step: 1 });
    setters[field.name] = (value) => (input.value = value);
    input.addEventListener("change", () => {
      input.value = number(input.value, values[field.name]);
      change(field.name, +input.value);
    });
    return input;
  },
  switch: (field) => {
    const line = make("span", { class: "tick" }),
      input = make("input", { type: "checkbox" });
    setters[field.name] = (value) => (input.checked = value);
    input.addEventListener("change", () => change(field.name, input.checked));
    line.append(input, make("span", {}, field.label));
    return line;
  },
  text: (field) => {
    const input = field.lines > 1 ? make("textarea", { rows: field.lines }) : make("input", { type: "text" });
    setters[field.name] = (value) => (input.value = value);
    for (const event of ["input", "change"]) input.addEventListener(event, () => change(field.name, input.value));
    if (!field.suggestions) return input;
    const list = make("datalist", { id: `${props.part}/${field.name}` }),
      box = make("span");
    list.append(...field.suggestions.map((value) => make("option", { value })));
    input.setAttribute("list", list.id);
    box.append(input, list);
    return box;
  },
  menu: (field) => {
    const input = make("select");
    for (const [value, title] of optionsOf(field)) input.append(make("option", { value }, title));
    setters[field.name] = (value) => (input.value = value);
    input.addEventListener("change", () => change(field.name, input.value));
    return input;
  },
};
const picks = (field) => {
  const box = make("fieldset", { class: "row" }),
    line = make("div", { class: "pick" }),
    group = `${props.part}/${field.name}`;
  for (const [value, title] of optionsOf(field)) {
    const label = make("label", {}, title),
      input = make("input", { type: "radio", name: group, value });
    input.addEventListener("change", () => change(field.name, value));
    label.append(input);
    line.append(label);
  }
  setters[field.name] = (value) =>
    line.querySelectorAll("input").forEach((input) => (input.checked = input.value === value));
  box.append(make("legend", {}, field.label), line);
  return box;
};
const row = (field) => {
  let box;
  const options = field.type === "choice" ? optionsOf(field) : [];
  if (field.type === "choice" && options.length <= PICKED && !field.by) box = picks(field);
  else {
    box = make("label", { class: "row" });
    if (field.type !== "switch") box.append(make("span", {}, field.label));
    box.append(widgets[field.type === "choice" ? "menu" : field.type](field));
    if (field.type === "choice") box.hidden = options.length < 2 && Boolean(field.by); // there is nothing to choose
  }
  box.hidden ||= !stands(field);
  if (field.hint) box.append(make("span", { class: "hint" }, field.hint));
  rows[field.name] = box;
  if (field.name in values) setters[field.name](values[field.name]);
  return box;
};

// Settings from a link, a picture, a preset or another part; what is not named stays.
const set = (settings) => {
  values = { ...values, ...settings };
  fresh = true;
  for (const field of props.fields) rows[field.name].replaceWith(row(field));
};
const run = (action = "run") => {
  startRun(values, { action, fresh, ...part.sends?.(values) });
  fresh = false;
};
// A press of a button begins without what holds for one run, such as a branch.
const press = (action) => {
  for (const name of props.once) delete values[name];
  run(action);
};
const request = props.streams
  ? async (settings) => {
      set(settings);
      if (props.again.length) await begin();
      run();
    }
  : latestOnly(async (settings) => {
      if (settings !== values) set(settings); // what was typed stands in its field, which keeps the focus
      const { turn } = part;
      const value = await ask(server.show, values);
      if (value && part.set && part.turn === turn) part.set(value);
    });

if (props.wide) $(".form-card").classList.add("across"); // it lies above a wide stage: in one row
const [first, further] = element.querySelectorAll(".fields");
for (const field of props.fields) (field.more ? further : first).append(row(field));
$(".further").hidden = !further.children.length;
for (const { name, label, primary } of props.actions) {
  const button = make("button", { type: "button", ...(primary ? { class: "main" } : {}) }, label);
  button.addEventListener("click", () => {
    if (name === "stop") stopRun();
    else if (name === "reset") begin();
    else press(name);
  });
  $(".actions").append(button);
}
part.form = { set, merge: (settings) => set(settings), values: () => values };
part.request = request;
part.long = props.long;
if (part.settings) set(part.settings);
watch("value", () => {
  if (props.value?.error) say(props.value.error);
});
