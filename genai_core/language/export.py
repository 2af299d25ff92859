"""Our GPT as a model of Hugging Face's transformers, with the same weights and the same logits."""

from typing import Any

from genai_core.language.gpt import GPT


def as_gpt2(model: GPT) -> Any:
    """Our model as a `transformers.GPT2LMHeadModel` with the same weights.

    Raises: ValueError for a model with components that GPT-2 does not have.
    """
    from transformers import GPT2Config, GPT2LMHeadModel

    ours = model.config
    if (ours.norm, ours.positions, ours.activation, ours.bias, ours.tied) != ("layer", "learned", "gelu", True, True):
        raise ValueError("Only a model with the components of GPT-2 can be exported as GPT-2.")
    config = GPT2Config(
        vocab_size=ours.vocab_size,
        n_positions=ours.block_size,
        n_embd=ours.n_embd,
        n_layer=ours.n_layer,
        n_head=ours.n_head,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = GPT2LMHeadModel(config)
    ending = {"weight": lambda w: w.T, "bias": lambda b: b}  # its matrices are transposed
    names = {
        "attention.qkv": "attn.c_attn",
        "attention.out": "attn.c_proj",
        "mlp.up": "mlp.c_fc",
        "mlp.out": "mlp.c_proj",
    }
    state, weights = model.state_dict(), {}
    for i in range(ours.n_layer):
        for kind, transposed in ending.items():
            for a, b in names.items():
                weights[f"transformer.h.{i}.{b}.{kind}"] = transposed(state[f"blocks.{i}.{a}.{kind}"])
            for j in (1, 2):
                weights[f"transformer.h.{i}.ln_{j}.{kind}"] = state[f"blocks.{i}.norm{j}.{kind}"]
    weights |= {f"transformer.ln_f.{kind}": state[f"norm.{kind}"] for kind in ending}
    weights |= {
        "transformer.wte.weight": state["embedding.weight"],
        "transformer.wpe.weight": state["position_embedding.weight"],
    }
    theirs.load_state_dict({**weights, "lm_head.weight": state["embedding.weight"]})
    return theirs.eval().requires_grad_(False)


def as_arcee(model: GPT) -> Any:
    """Our model as a `transformers.ArceeForCausalLM` with the same weights: RMSNorm, rotary positions, squared ReLU.

    Raises: ValueError for a model with other components.
    """
    from transformers import ArceeConfig, ArceeForCausalLM

    ours = model.config
    if (ours.norm, ours.positions, ours.activation, ours.bias, ours.tied) != ("rms", "rotary", "relu2", False, False):
        raise ValueError(
            "Only a model with RMSNorm, rotary positions, squared ReLU and no biases can be exported as Arcee."
        )
    config = ArceeConfig(
        vocab_size=ours.vocab_size,
        hidden_size=ours.n_embd,
        intermediate_size=4 * ours.n_embd,
        num_hidden_layers=ours.n_layer,
        num_attention_heads=ours.n_head,
        num_key_value_heads=ours.n_head,
        max_position_embeddings=ours.block_size,
        rms_norm_eps=1e-6,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=False,
        bos_token_id=None,
        eos_token_id=None,
    )
    theirs = ArceeForCausalLM(config)
    state, weights = model.state_dict(), {}
    names = {"attention.out": "self_attn.o_proj", "mlp.up": "mlp.up_proj", "mlp.out": "mlp.down_proj"}
    names |= {"norm1": "input_layernorm", "norm2": "post_attention_layernorm"}
    for i in range(ours.n_layer):
        for a, b in names.items():
            weights[f"model.layers.{i}.{b}.weight"] = state[f"blocks.{i}.{a}.weight"]
        for letter, part in zip("qkv", state[f"blocks.{i}.attention.qkv.weight"].chunk(3), strict=True):
            weights[f"model.layers.{i}.self_attn.{letter}_proj.weight"] = part
    weights |= {"model.embed_tokens.weight": state["embedding.weight"], "model.norm.weight": state["norm.weight"]}
    theirs.load_state_dict({**weights, "lm_head.weight": state["head.weight"]})
    return theirs.eval().requires_grad_(False)
