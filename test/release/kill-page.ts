export async function killPages(_f: string, _n: number, _s: number): Promise<object> {
  throw new Error("later");
}
