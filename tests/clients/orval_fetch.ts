// orval 8 with its client for fetch.
import { createVideoJob, downloadVideo, getVideoJob, listVideoJobs, signIn } from "./api/client";
import { refused, run } from "./scenario";

let signed: RequestInit = {};

run({
  async signIn(email, password) {
    const response = await signIn({ email, password });
    if (response.status !== 200) refused(response.data);
    signed = { headers: { Authorization: `Bearer ${response.data.access}` } };
  },
  async create(prompt, pictures) {
    const response = await createVideoJob({ mockMode: true, prompt, ...pictures }, undefined, signed);
    return response.status === 202 ? response.data : refused(response.data);
  },
  async get(id) {
    const response = await getVideoJob(id, undefined, signed);
    return response.status === 200 ? response.data : refused(response.data);
  },
  async list(status) {
    const response = await listVideoJobs({ status }, signed);
    return response.status === 200 ? response.data.items : refused(response.data);
  },
  async download(id) {
    const response = await downloadVideo(id, undefined, signed);
    return response.status === 200 ? response.data : refused(response.data);
  },
});
