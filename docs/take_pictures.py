"""Retake the README's pictures: `python -m docs.take_pictures`.

It needs MNIST, whose test digits stand in the latent plane, and an idle machine: some pictures hold measured times.
"""

from pathlib import Path

from benchmarks._browser import open_part
from benchmarks._common import browser, server

HERE = Path(__file__).parent


def main() -> None:
    with server("app.py") as url, browser() as chromium:
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        page.goto(f"{url}/?tab=vae&part=sliders")
        page.wait_for_function("document.querySelector('.big')?.naturalWidth === 28")
        page.wait_for_selector(".sweep figure")
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "vae.png")
        open_part(page, "Plane")
        page.locator(".legend > *").nth(9).wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "vae-plane.png")
        page.goto(f"{url}/?tab=gan&part=samples&model=cgan-mnist&seed=0")
        page.locator(".sheet button").nth(35).wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "gan-samples.png")
        page.goto(f"{url}/?tab=diffusion&part=denoise")
        page.wait_for_function("document.querySelector('.at')?.max === '20'")
        page.locator(".at").evaluate("(s) => { s.value = 9; s.dispatchEvent(new Event('input')); }")
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "diffusion.png")
        page.goto(f"{url}/?tab=text&part=write")
        page.locator(".chip").nth(60).click()
        page.get_by_text("Token 61").wait_for()
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "text.png", full_page=True)
        page.goto(f"{url}/?tab=text&part=draft")
        page.get_by_text("Both texts are the same").wait_for(timeout=60_000)
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "text-draft.png")
        page.goto(f"{url}/?tab=clip&part=search")
        page.locator(".matrix td").nth(20).wait_for(timeout=60_000)
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "clip.png", full_page=True)
        page.goto(f"{url}/?tab=clip&part=fail")
        page.locator("canvas, .right, .wrong").first.wait_for(timeout=60_000)
        page.wait_for_timeout(2000)
        page.screenshot(path=HERE / "clip-fail.png", full_page=True)
        page.goto(f"{url}/?tab=distillation&part=ask")
        page.wait_for_function("document.querySelectorAll('.bars .row').length >= 30")
        page.wait_for_timeout(1000)
        page.screenshot(path=HERE / "distillation.png")
        page.goto(url)
        page.locator(".contender .pictures img").nth(31).wait_for(timeout=60_000)
        page.wait_for_timeout(2000)
        page.screenshot(path=HERE / "home.png", full_page=True)


if __name__ == "__main__":
    main()
