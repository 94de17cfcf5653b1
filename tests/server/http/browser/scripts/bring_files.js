([files, kind]) => {
    const bag = new DataTransfer();
    for (const { name, type, data } of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        bag.items.add(new File([bytes], name, { type }));
    }
    const target = document.querySelector("main");
    if (kind === "paste") {
        target.dispatchEvent(new ClipboardEvent("paste", { clipboardData: bag, bubbles: true }));
        return;
    }
    for (const name of ["dragenter", "dragover", "drop"]) {
        const event = new DragEvent(name, { dataTransfer: bag, bubbles: true, cancelable: true });
        target.dispatchEvent(event);
    }
}
