// SCIMMY behind Express, with users and groups in memory: node server.mjs PORT; basic sign-in near / far-away-secret-1.
import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const credentials = "Basic " + Buffer.from("near:far-away-secret-1").toString("base64");

function declare(Type, name) {
  const held = new Map();
  SCIMMY.Resources.declare(Type, {
    egress: (resource) => {
      if (resource.id) {
        if (!held.has(resource.id)) throw new SCIMMY.Types.Error(404, null, `Resource ${resource.id} not found`);
        return held.get(resource.id);
      }
      const all = [...held.values()];
      return resource.filter ? resource.filter.match(all) : all;
    },
    ingress: (resource, instance) => {
      const wanted = String(instance[name] ?? "").toLowerCase();
      const other = [...held.values()].find((one) => String(one[name]).toLowerCase() === wanted);
      if (other && other.id !== resource.id) throw new SCIMMY.Types.Error(409, "uniqueness", `${name} is taken`);
      if (resource.id && !held.has(resource.id)) throw new SCIMMY.Types.Error(404, null, "Resource not found");
      const id = resource.id ?? randomUUID();
      const known = held.get(id);
      const now = new Date();
      const made = { ...JSON.parse(JSON.stringify(instance)), id };
      made.meta = { created: known?.meta.created ?? now, lastModified: now };
      held.set(id, made);
      return made;
    },
    degress: (resource) => {
      if (!held.delete(resource.id)) throw new SCIMMY.Types.Error(404, null, "Resource not found");
    },
  });
}

declare(SCIMMY.Resources.User, "userName");
declare(SCIMMY.Resources.Group, "displayName");

const app = express();
app.use("/scim", new SCIMMYRouters({
  type: "basic",
  handler: (request) => {
    if (request.header("Authorization") !== credentials) throw new Error("Who are you?");
    return "near";
  },
}));
app.listen(Number(process.argv[2]), "127.0.0.1");
