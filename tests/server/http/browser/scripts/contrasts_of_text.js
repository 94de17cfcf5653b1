() => {
    const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgba = (colour) => {
        pen.clearRect(0, 0, 1, 1);
        pen.fillStyle = colour;
        pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const part = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = ([red, green, blue]) => 0.2126 * part(red / 255) + 0.7152 * part(green / 255) + 0.0722 * part(blue / 255);
    const ground = (one) => {
        const colour = rgba(getComputedStyle(one).backgroundColor);
        return colour[3] > 200 || !one.parentElement ? colour : ground(one.parentElement);
    };
    return [...document.querySelectorAll("body *")]
        .filter((one) => one.checkVisibility() && !one.closest("svg, .quiet, .skip, noscript"))
        .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
        .map((one) => {
            const [dark, bright] = [light(rgba(getComputedStyle(one).color)), light(ground(one))].sort((a, b) => a - b);
            return [one.textContent.trim().slice(0, 30), (bright + 0.05) / (dark + 0.05)];
        })
        .filter(([, ratio]) => ratio < 4.5);
}
