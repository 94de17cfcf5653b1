async () => {
    const { CLASSES, PLATE, TEXT, inkOn, trackColour } = await import("/static/js/show/colours.js");
    const part = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    const light = (colour) => [1, 3, 5].reduce((sum, at, index) => sum
        + [0.2126, 0.7152, 0.0722][index] * part(parseInt(colour.slice(at, at + 2), 16) / 255), 0);
    const tracks = Array.from({ length: 200 }, (_, track) => trackColour(track));
    return [...Object.values(CLASSES), PLATE, TEXT, ...tracks].map((ground) => {
        const [dark, bright] = [light(ground), light(inkOn(ground))].sort((one, other) => one - other);
        return (bright + 0.05) / (dark + 0.05);
    });
}
