import { LinkButton } from "../ui/button.tsx";
import { Page } from "../ui/page.tsx";
import { Empty } from "../ui/show.tsx";

export function NotFoundPage() {
  return (
    <Page title="There is nothing here">
      <Empty icon="search" title="No page has this address.">
        <LinkButton href="/">Go to the catalogue</LinkButton>
      </Empty>
    </Page>
  );
}
