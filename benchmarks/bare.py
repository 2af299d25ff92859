"""The peer of startup.py, slider.py and first.py: the least Gradio app, from slider to picture or button to word."""

import argparse
import itertools

import gradio as gr
import torch

torch.set_num_threads(1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--decode", action="store_true", help="decode with the VAE, else an empty picture")
    parser.add_argument("--stream", action="store_true", help="a button that streams words, too")
    options = parser.parse_args()
    if options.decode:
        from genai_core import vae

        model = vae.load("vae-mnist")

    @torch.inference_mode()
    def decode(value):
        if not options.decode:
            return torch.zeros(28, 28).numpy()
        z = torch.zeros(1, model.config.latents)
        z[0, 0] = value
        return model.decode(z)[0, 0].numpy()

    said = itertools.count(1)

    def words():
        for _ in range(3):
            yield f"<p>{next(said)}</p>"

    with gr.Blocks(analytics_enabled=False) as demo:
        slider = gr.Slider(-3, 3, value=0, step=0.01, label="z")
        image = gr.Image(format="png")
        slider.input(decode, slider, image, show_progress="hidden")
        if options.stream:
            word = gr.HTML("<p>0</p>", elem_classes="word")
            gr.Button("Say").click(words, None, word, show_progress="hidden")
    demo.launch(server_port=options.port)


if __name__ == "__main__":
    main()
