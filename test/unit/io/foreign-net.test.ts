import { expect, it } from "vitest";
import { importNet } from "../../../src/io/net/import.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

it.each([
  ["net.onnx", "", "net.onnx is empty"],
  [
    "net.onnx",
    "version https://git-lfs.github.com/spec/v1\noid sha256:00",
    "is a pointer of Git LFS, not the file itself",
  ],
  ["net.keras", "\n<!DOCTYPE html><html></html>", "is a web page (HTML), not the file itself"],
  ["net.tflite", "\x1c\0\0\0TFL3\0\0", "is a file of TensorFlow Lite; export the net as ONNX"],
  ["net.gguf", "GGUF\x03", "its folder of Hugging Face is read"],
  ["saved_model.pb", "\x08\x01\x12\0", "is a graph of TensorFlow's; export the net as ONNX"],
  ["net.mlmodel", "abc", "is a model of Core ML"],
  ["group1-shard1of1.bin", "\0\0\0\0", "of TensorFlow.js give its model.json"],
  ["net.onnx.data", "\0\0\0\0", "give its .onnx"],
  ["net.onnx", "hello", "is neither an ONNX file nor the JSON"],
])("%s that begins %j is said to be what it is", async (name, text, message) => {
  await expect(importNet({ name, bytes: bytesOf(text) })).rejects.toThrow(message);
});
