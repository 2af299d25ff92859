// Save PNG, open one, copy the link, show the code, for whatever the stage of the part shows (demos/_ui/sharing.py).
// props: part, saves and codes (whether the part has a picture and a program).
const report = (sentence) => ($(".status").textContent = sentence);
const settings = () => part.settings ?? {};
// What a stage alone knows, such as the frame of a training that is shown.
const shown = () => (part.shown ? { shown: part.shown() } : {});

$(".save").hidden = !props.saves;
$(".open").closest("label").hidden = !props.saves;
$(".code").hidden = !props.codes;
$(".save").addEventListener("click", async () => {
  await settled();
  const png = await ask(server.save, { settings: settings(), ...shown() });
  if (png) download(png, `${[...props.part.split("/"), settings().model].filter(Boolean).join("-")}.png`);
});
const restore = async (png) => {
  report("");
  const opened = await ask(server.open, { png });
  if (!opened) return;
  genai.show(props.part, opened);
  report("Settings restored from the picture.");
};
// It may be dropped anywhere in the part; a drawing pad takes it as a picture.
if (props.saves) acceptFiles(element.closest("[role=tabpanel]") ?? element, $(".open"), restore);
$(".link").addEventListener("click", async () => {
  await settled();
  await copyLink(genai.link(props.part), $(".address"), report);
});
const showCode = async () => {
  await settled();
  const program = await ask(server.code, { settings: settings(), ...shown() });
  if (program) $("code").textContent = program;
  return program;
};
$(".code").addEventListener("click", async () => {
  const open = $(".program").hidden && Boolean(await showCode());
  $(".program").hidden = !open;
  $(".code").setAttribute("aria-expanded", String(open));
  $(".code").textContent = open ? "Hide code" : "Show code";
});
$(".copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText($("code").textContent);
    report("Code copied.");
  } catch {
    report("Select the code and copy it.");
  }
});
// The code follows the stage while it is open.
part.code = latestOnly(async () => {
  if (!$(".program").hidden) await showCode();
});
