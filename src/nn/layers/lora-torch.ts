/** A low-rank adapter in PyTorch, under the names of the model's parameters. */
export const adapterClass = `class Adapter(nn.Module):
    """What a low-rank adapter adds to a linear map: scale B A x. Its dropout is the adapter's own."""

    def __init__(self, inputs, out, rank, scale, dropout=0):
        super().__init__()
        self.lora_A = nn.Linear(inputs, rank, bias=False)
        self.lora_B = nn.Linear(rank, out, bias=False)
        nn.init.zeros_(self.lora_B.weight)
        self.drop, self.scale = nn.Dropout(dropout), scale

    def forward(self, x):
        return self.scale * self.lora_B(self.lora_A(self.drop(x)))
`;

/** A linear layer that has one. */
export const adaptedLinearClass = `class AdaptedLinear(Adapter):
    """nn.Linear with a low-rank adapter beside its weight."""

    def __init__(self, inputs, out, bias, **adapter):
        super().__init__(inputs, out, **adapter)
        self.weight = nn.Parameter(torch.zeros(out, inputs))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None

    def forward(self, x):
        return F.linear(x, self.weight, self.bias) + super().forward(x)
`;
