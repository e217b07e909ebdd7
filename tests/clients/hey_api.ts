// @hey-api/openapi-ts with its own client for fetch.
import { client } from "./api/client.gen";
import { createVideoJob, downloadVideo, getVideoJob, listVideoJobs, signIn } from "./api/sdk.gen";
import { must, run, url } from "./scenario";

client.setConfig({ baseUrl: url });

run({
  async signIn(email, password) {
    const { data, error } = await signIn({ body: { email, password } });
    const { access } = must(data, error);
    client.setConfig({ auth: access });
  },
  async create(prompt, pictures) {
    const { data, error } = await createVideoJob({ body: { mockMode: true, prompt, ...pictures } });
    return must(data, error);
  },
  async get(id) {
    const { data, error } = await getVideoJob({ path: { id } });
    return must(data, error);
  },
  async list(status) {
    const { data, error } = await listVideoJobs({ query: { status } });
    return must(data, error).items;
  },
  async download(id) {
    const { data, error } = await downloadVideo({ path: { id }, parseAs: "blob" });
    return must(data, error);
  },
});
