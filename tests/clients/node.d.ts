// The little of Node that the scenario uses, so that no package with all of its types is needed.
declare module "node:fs" {
  export function readFileSync(path: string): Uint8Array<ArrayBuffer>;
}
declare const process: { argv: string[]; exit(status: number): never };
