/** What a user writes: exclusive or, learned. `where` ends up in what createTrainer is given. */
export const learns = (where: string): string => `
const model = sequential([linear(2, 8), tanh(), linear(2)], { loss: "crossEntropy" });
const x = ndarray([4, 2], "f32", [0, 0, 0, 1, 1, 0, 1, 1]);
const y = ndarray([4], "i32", [0, 1, 1, 0]);
const options = { model, data: { x, y }, batch: "full", optimizer: { type: "adam", lr: 0.05 } };
const trainer = await createTrainer(${where});
for await (const { loss } of trainer.run({ steps: 300, logEvery: 300 })) result.push(loss);
const { accuracy } = await trainer.evaluate("train");
result.push(accuracy, trainer.backend.description);
trainer.dispose();
`;
/** What that names of the library. */
export const library = "createTrainer, linear, ndarray, sequential, tanh";
