import type { HostStore } from "../../src/store/port.ts";
import { access } from "./store/access.ts";
import { appsAndManifests, authVersions } from "./store/apps.ts";
import { connections, listing, races } from "./store/connections.ts";
import { durability } from "./store/durability.ts";
import { deliveries, events, outbox, usage } from "./store/events.ts";
import { files } from "./store/files.ts";
import { flows, leases } from "./store/flows.ts";
import { keptSteps } from "./store/kept-steps.ts";
import { tables } from "./store/tables.ts";

/** An adapter under test: a store with nothing in it, and the ways in which its process can end. */
export interface StoreUnderTest {
  readonly store: HostStore;
  /** Another store over what the first has written, after it was closed properly. */
  reopen(): Promise<HostStore>;
  /** Another store over what the first has written, as if its process had been killed. */
  reopenAfterKill(): Promise<HostStore>;
  cleanUp(): Promise<void>;
}

/** Every obligation of the store's port, against one adapter. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the store's contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: HostStore;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.cleanUp());

    connections(() => store);
    listing(() => store);
    races(() => store);
    events(() => store);
    outbox(() => store);
    deliveries(() => store);
    usage(() => store);
    flows(() => store);
    leases(() => store);
    keptSteps(() => store);
    files(() => store);
    appsAndManifests(() => store);
    authVersions(() => store);
    access(() => store);
    tables(() => store);
    durability(() => under);
  });
}
