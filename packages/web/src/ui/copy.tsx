import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button.tsx";

interface CopyFieldProps {
  readonly id: string;
  readonly label: string;
  readonly text: string;
}

/** A text that is only there to be copied. */
export function CopyField({ id, label, text }: CopyFieldProps) {
  const field = useRef<HTMLInputElement>(null);
  const { copied, copy } = useCopy(text);
  const press = (): void => {
    field.current?.select();
    copy();
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="copy">
        <input ref={field} id={id} type="text" readOnly value={text} onFocus={(event) => event.currentTarget.select()} />
        <Button icon={copied ? "check" : "copy"} onPress={press}>
          Copy
        </Button>
      </div>
      <p class="copy-state" role="status">
        {copied === undefined ? "" : copied ? "Copied." : "Press Ctrl+C or ⌘C to copy the marked text."}
      </p>
    </div>
  );
}

/** Copies a text; `copied` tells for a moment whether that went well. */
export function useCopy(text: string): { readonly copied: boolean | undefined; readonly copy: () => void } {
  const [copied, setCopied] = useState<boolean>();
  useEffect(() => {
    if (copied === undefined) return;
    const timer = setTimeout(() => setCopied(undefined), 2_500);
    return () => clearTimeout(timer);
  }, [copied]);
  return { copied, copy: () => void copyText(text).then(setCopied, () => setCopied(false)) };
}

/** Whether it was copied; browsers give the clipboard to pages on https and on this machine only. */
async function copyText(text: string): Promise<boolean> {
  if (navigator.clipboard === undefined) return false;
  await navigator.clipboard.writeText(text);
  return true;
}
