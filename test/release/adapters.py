"""Adapters of Chainrule's in PEFT, and PEFT's for Chainrule, on tiny bases of GPT-2 and Llama. Run by adapters.ts:

    python3 adapters.py FOLDER OUT

FOLDER has the bases, Chainrule's adapters and the logits that it worked out in f64 with each. All are loaded by
transformers and PEFT, and their logits compared; then adapters of PEFT's own, with random A and B, go into OUT with their
logits. Exit status 0: all agree.
"""

import json
import os
import sys

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

ROOT, OUT = sys.argv[1:]
print("torch", torch.__version__, "transformers", transformers.__version__, "peft", peft.__version__)
bad = 0


def base(name):
    net = AutoModelForCausalLM.from_pretrained(os.path.join(ROOT, name, "base"), attn_implementation="eager")
    return net.double().eval()


def logits(net, tokens):
    with torch.no_grad():
        return net(tokens).logits.flatten().double()


def verdict(what, got, wanted, limit):
    global bad
    off = ((got - wanted).norm() / wanted.norm()).item()
    bad += not off < limit
    print(f"{what}: off by {off:.2e} {'PASS' if off < limit else 'FAIL'}")


theirs = {}
for name in ["gpt2", "llama"]:
    with open(os.path.join(ROOT, name, "logits.json")) as f:
        about = json.load(f)
    tokens = torch.tensor(about["tokens"]).view(about["rows"], -1)
    plain = torch.tensor(about["logits"]["base"], dtype=torch.float64)
    verdict(f"{name} base", logits(base(name), tokens), plain, 1e-6)
    for key, wanted in about["logits"].items():
        if key == "base":
            continue
        wanted = torch.tensor(wanted, dtype=torch.float64)
        net = PeftModel.from_pretrained(base(name), os.path.join(ROOT, name, key)).double().eval()
        got = logits(net, tokens)
        verdict(f"{name} {key}", got, wanted, 1e-6)
        if not (got - plain).norm() / plain.norm() > 1e-3:
            bad += 1
            print(f"{name} {key}: the adapter changes nothing FAIL")
        verdict(f"{name} {key}, merged by PEFT", logits(net.merge_and_unload(), tokens), wanted, 1e-6)
    theirs[name] = {}
    for key, options in {
        "default": {"r": 4, "lora_alpha": 8},
        "all": {"r": 3, "lora_alpha": 2, "target_modules": "all-linear", "lora_dropout": 0.1},
        "stable": {"r": 4, "lora_alpha": 3, "use_rslora": True},
        "pattern": {
            "r": 2,
            "lora_alpha": 4,
            "target_modules": ["c_attn", "c_fc"] if name == "gpt2" else ["o_proj", "up_proj"],
            "rank_pattern": {"c_fc" if name == "gpt2" else "up_proj": 3},
            "alpha_pattern": {"c_fc" if name == "gpt2" else "up_proj": 5},
        },
        "first": {"r": 2, "target_modules": ["c_attn"] if name == "gpt2" else ["q_proj"], "layers_to_transform": [0]},
    }.items():
        torch.manual_seed(len(key))
        net = get_peft_model(base(name), LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False, **options)).double().eval()
        with torch.no_grad():
            for p_name, p in net.named_parameters():
                if "lora_" in p_name:
                    p.copy_((torch.randn(p.shape) * 0.25).float().double())  # f32 numbers, as the file holds them
        folder = os.path.join(OUT, name, key)
        net.float().save_pretrained(folder)
        theirs[name][key] = logits(net.double(), tokens).tolist()
with open(os.path.join(OUT, "logits.json"), "w") as f:
    json.dump(theirs, f)
print("all agree" if bad == 0 else f"{bad} differ")
sys.exit(bad > 0)
