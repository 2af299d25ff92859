// A label with a hidden file input, "Camera": a phone opens its own camera, and a computer shows what its camera sees, until a
// press takes the picture. `use` gets a picture file in base64.
const acceptCamera = (label, use) => {
  const input = label.querySelector("input");
  acceptFiles(label, input, use);
  input.addEventListener("click", (event) => {
    if (matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices) return; // which an address without https lacks
    event.preventDefault();
    film(use);
  });
};
const film = async (use) => {
  let stream;
  say("");
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch (error) {
    say(error.name === "NotAllowedError" ? "The browser may not use the camera." : "No camera was found.");
    return;
  }
  const dialog = make("dialog", { class: "film", "aria-label": "Camera" }),
    video = make("video", { autoplay: "", playsinline: "" }),
    line = make("div", { class: "tools" }),
    take = make("button", { type: "button" }, "Take the picture"),
    cancel = make("button", { type: "button" }, "Cancel");
  video.muted = true;
  video.srcObject = stream;
  take.addEventListener("click", () => {
    const side = Math.min(video.videoWidth, video.videoHeight);
    if (!side) return; // nothing has come yet
    const square = make("canvas", { width: 320, height: 320 }),
      [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
    square.getContext("2d").drawImage(video, left, top, side, side, 0, 0, 320, 320);
    dialog.close();
    use(square.toDataURL("image/png").split(",")[1]);
  });
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => {
    for (const track of stream.getTracks()) track.stop();
    dialog.remove();
  });
  line.append(take, cancel);
  dialog.append(video, line);
  element.append(dialog);
  dialog.showModal();
};
