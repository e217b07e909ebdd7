// orval 7 with axios: its client for fetch reads every response as JSON, the video too.
import axios from "axios";
import { createVideoJob, downloadVideo, getVideoJob, listVideoJobs, signIn } from "./api/client";
import { run, url } from "./scenario";

axios.defaults.baseURL = url;

run({
  async signIn(email, password) {
    const { data } = await signIn({ email, password });
    axios.defaults.headers.common["Authorization"] = `Bearer ${data.access}`;
  },
  async create(prompt, pictures) {
    return (await createVideoJob({ mockMode: true, prompt, ...pictures })).data;
  },
  async get(id) {
    return (await getVideoJob(id)).data;
  },
  async list(status) {
    return (await listVideoJobs({ status })).data.items;
  },
  async download(id) {
    return (await downloadVideo(id, undefined, { adapter: "fetch" })).data; // axios' own for Node makes no Blob;
  },
});
