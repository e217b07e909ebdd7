// What every generated TypeScript client has to do; each file beside this one is the same client, generated differently.
import { readFileSync } from "node:fs";

export type Status = "PENDING" | "RUNNING" | "SUCCEEDED" | "FAILED";

export interface Job {
  id: string;
  status: Status;
  errorCode: string | null;
}

export interface Pictures {
  initialImage: File;
  endFrame: File;
  referenceImages: File[];
}

export interface Client {
  signIn(email: string, password: string): Promise<void>;
  create(prompt: string, pictures?: Pictures): Promise<Job>;
  get(id: string): Promise<Job>;
  list(statuses: Status[]): Promise<Job[]>;
  download(id: string): Promise<Blob>;
}

const [email, password, folder] = process.argv.slice(3) as [string, string, string];
export const url = process.argv[2] as string;

export function refused(error: unknown): never {
  throw new Error(`refused: ${JSON.stringify(error)}`);
}

export function must<T>(value: T | undefined, error: unknown): T {
  return value === undefined ? refused(error) : value;
}

function picture(name: string): File {
  return new File([readFileSync(`${folder}/${name}.png`)], `${name}.png`, { type: "image/png" });
}

function expect(what: string, is: unknown, shouldBe: unknown): void {
  const [one, other] = [JSON.stringify(is), JSON.stringify(shouldBe)];
  if (one !== other) throw new Error(`${what}: ${one} in place of ${other}`);
}

async function finished(client: Client, id: string): Promise<Job> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const job = await client.get(id);
    if (job.status === "SUCCEEDED" || job.status === "FAILED") return job;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  throw new Error(`${id} does not end`);
}

async function walk(client: Client): Promise<void> {
  await client.signIn(email, password);
  const pictures = { initialImage: picture("first"), endFrame: picture("last"), referenceImages: [picture("reference")] };
  const [good, bad] = [await client.create("A red dress", pictures), await client.create("[mock:fail]")];
  expect("with pictures", await finished(client, good.id).then((job) => job.status), "SUCCEEDED");
  expect("without", await finished(client, bad.id).then((job) => [job.status, job.errorCode]), ["FAILED", "generation_failed"]);
  const ids = async (...statuses: Status[]) => (await client.list(statuses)).map((job) => job.id);
  expect("two statuses", await ids("SUCCEEDED", "FAILED"), [bad.id, good.id]);
  expect("two others", await ids("PENDING", "RUNNING"), []);
  const file = new Uint8Array(await (await client.download(good.id)).arrayBuffer());
  expect("an MP4", new TextDecoder().decode(file.slice(4, 8)), "ftyp");
  console.log("ok");
}

export function run(client: Client): void {
  walk(client).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
