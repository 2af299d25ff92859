"""A picture that follows a slider: our own control against gr.Slider -> gr.Image, both decoding with vae-mnist.

And the same control on the latent directions of cgan-mnist.

Serial: one input at a time, from the input event to the loaded picture. Dragging: a new value in every animation
frame for some seconds; updates/s counts loaded pictures, age is how old the input was that a loaded picture shows
(our control says which input that is; gr.Image does not).
"""

from benchmarks._browser import open_part, open_tab
from benchmarks._common import browser, percentile, report, server

SERIAL, SECONDS = 150, 6

SCRIPT = """
async ([sliderSelector, imageSelector, serial, seconds]) => {
  const slider = document.querySelector(sliderSelector);
  const setter = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const put = (v) => { setter.call(slider, v); slider.dispatchEvent(new Event('input', { bubbles: true })); };
  const image = () => document.querySelector(imageSelector);
  const pause = (ms) => new Promise((r) => setTimeout(r, ms));
  // A loaded picture is noticed by its load event, caught while it passes through the document.
  let loaded = () => {};
  document.addEventListener('load', (e) => { if (e.target.matches?.(imageSelector)) loaded(e.target); }, true);
  const latencies = [];
  put('0.51'); await pause(1500);
  const place = image()?.dataset.z?.split(',').indexOf('0.51');  // which latent this slider is
  for (let i = 0; i < serial; i++) {
    const v = (((i * 37) % 500) / 100 - 2.5 + 0.01 * (i % 2)).toFixed(2), begun = performance.now();
    const done = new Promise((r) => { loaded = r; setTimeout(r, 2000); });
    put(v); await done;
    latencies.push(performance.now() - begun);
    await pause(20);
  }
  const ages = [], asked = new Map(); let count = 0;
  loaded = (target) => {
    count += 1;
    const shown = target.dataset.z?.split(',')[place];
    if (asked.has(shown)) ages.push(performance.now() - asked.get(shown));
  };
  const begun = performance.now();
  let i = 0;
  while (performance.now() - begun < seconds * 1000) {
    await new Promise(requestAnimationFrame);
    const v = ((i % 599) / 100 - 2.99).toFixed(2); i += 7;
    asked.set(String(+v), performance.now()); put(v);
  }
  return { latencies, ages, rate: (1000 * count) / (performance.now() - begun) };
}
"""


def measure(page, slider: str, image: str) -> dict:
    page.wait_for_selector(slider)
    page.wait_for_timeout(3000)
    found = page.evaluate(SCRIPT, [slider, image, SERIAL, SECONDS])
    row = {
        "serial median ms": percentile(found["latencies"], 0.5),
        "serial p95 ms": percentile(found["latencies"], 0.95),
        "updates/s dragging": found["rate"],
    }
    if found["ages"]:
        row["age median ms"], row["age p95 ms"] = (percentile(found["ages"], share) for share in (0.5, 0.95))
    return row


def main() -> None:
    rows = []
    with browser() as chromium:
        with server("-m", "benchmarks.bare", "--decode") as url:
            page = chromium.new_page()
            page.goto(url)
            page.get_by_label("range slider for z").fill("0.2")
            page.wait_for_selector("img")
            plain = measure(page, "input[type=range]", "img")
            rows.append({"design": "gr.Slider -> gr.Image", **plain, "age median ms": "-", "age p95 ms": "-"})
            page.close()
        with server("app.py") as url:
            page = chromium.new_page(viewport={"width": 1280, "height": 1000})
            page.goto(url)
            open_tab(page, "vae")
            open_part(page, "Sliders")
            rows.append({"design": "own control (VAE tab)", **measure(page, ".latent input", "img.big")})
            page.goto(f"{url}/?tab=gan&part=directions&model=cgan-mnist&label=3&z={','.join(['0'] * 10)}")
            rows.append({"design": "own control (GAN tab)", **measure(page, ".latent input", "img.big")})
            page.close()
    report("slider", rows, aim="at least 50 updates/s, p95 at most 25 ms")


if __name__ == "__main__":
    main()
