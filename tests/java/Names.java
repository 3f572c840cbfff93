import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import javax.security.auth.x500.X500Principal;

/** Prints what Java calls each DER name in a file of hexadecimal lines, in hexadecimal UTF-8. */
public class Names {
    public static void main(String[] args) throws Exception {
        HexFormat hex = HexFormat.of();
        StringBuilder out = new StringBuilder();
        for (String line : Files.readAllLines(Path.of(args[0]))) {
            try {
                String name = new X500Principal(hex.parseHex(line)).getName();
                out.append(hex.formatHex(name.getBytes(StandardCharsets.UTF_8)));
            } catch (IllegalArgumentException e) {
                out.append("refused");
            }
            out.append('\n');
        }
        System.out.print(out);
    }
}
