import { createHash } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { Agent } from "undici";
import { JackfieldError } from "../errors.ts";
import type { Certificate } from "./egress.ts";

/** So many clients keep their connections open; of more, the one that was used longest ago is closed. */
const most = 64;

/** Connections that present a client's certificate, kept apart by it. */
export interface CertifiedAgents {
  /** Throws `certificate_invalid`. */
  get(certificate: Certificate): Agent;
  close(): Promise<void>;
}

export function createCertifiedAgents(create: (certificate: Certificate) => Agent): CertifiedAgents {
  const agents = new Map<string, Agent>();
  return {
    get(certificate) {
      const id = createHash("sha256").update(certificate.cert).update("\0").update(certificate.key).digest("hex");
      const agent = agents.get(id) ?? create(checked(certificate));
      agents.delete(id);
      agents.set(id, agent);
      const [oldest] = agents.keys();
      if (agents.size > most && oldest !== undefined) {
        // It ends once what is under way has ended.
        void agents.get(oldest)?.close();
        agents.delete(oldest);
      }
      return agent;
    },
    close: async () => void (await Promise.all([...agents.values()].map((agent) => agent.close()))),
  };
}

function checked(certificate: Certificate): Certificate {
  try {
    createSecureContext({ cert: certificate.cert, key: certificate.key });
    return certificate;
  } catch (cause) {
    throw new JackfieldError("certificate_invalid", { cause });
  }
}
