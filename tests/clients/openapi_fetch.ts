// openapi-typescript's types with openapi-fetch.
import createClient from "openapi-fetch";
import type { paths } from "./api/schema";
import { must, run, url } from "./scenario";

const api = createClient<paths>({ baseUrl: url });

run({
  async signIn(email, password) {
    const { data, error } = await api.POST("/api/v1/auth/token", { body: { email, password } });
    const { access } = must(data, error);
    api.use({ onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${access}`) });
  },
  async create(prompt, pictures) {
    const form = new FormData();
    form.set("mockMode", "true");
    form.set("prompt", prompt);
    if (pictures) {
      form.set("initialImage", pictures.initialImage);
      form.set("endFrame", pictures.endFrame);
      for (const file of pictures.referenceImages) form.append("referenceImages", file);
    }
    const body = { mockMode: true, prompt };
    const { data, error } = await api.POST("/api/v1/video-jobs", { body, bodySerializer: () => form });
    return must(data, error);
  },
  async get(id) {
    const { data, error } = await api.GET("/api/v1/video-jobs/{id}", { params: { path: { id } } });
    return must(data, error);
  },
  async list(status) {
    const { data, error } = await api.GET("/api/v1/video-jobs", { params: { query: { status } } });
    return must(data, error).items;
  },
  async download(id) {
    const params = { path: { id } };
    const { data, error } = await api.GET("/api/v1/video-jobs/{id}/download", { params, parseAs: "blob" });
    return must(data, error);
  },
});
