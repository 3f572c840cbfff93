import com.sun.org.apache.xml.internal.security.Init;
import com.sun.org.apache.xml.internal.security.c14n.Canonicalizer;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Node;
import org.xml.sax.helpers.DefaultHandler;

/**
 * The canonicalization behind the JDK's XML-DSig, asked over standard input as long as there are
 * questions. A question: the length of a document and its bytes, the number of jobs, and for each
 * the algorithm's URI, the PrefixList of its InclusiveNamespaces, and the number of the element
 * whose subtree is meant, in document order, or -1 for the whole. The answer to each job: a length
 * and the canonical form, or -1 and a reason.
 *
 * To be run with --add-exports for the two packages: the public interface takes node sets only as
 * lists of nodes, without the namespaces that a subtree inherits.
 */
public class C14n {
    private static final DataInputStream IN = new DataInputStream(new BufferedInputStream(System.in));
    private static final DataOutputStream OUT = new DataOutputStream(new BufferedOutputStream(System.out));

    public static void main(String[] args) throws Exception {
        Init.init();
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        DocumentBuilder builder = factory.newDocumentBuilder();
        builder.setErrorHandler(new DefaultHandler());
        while (true) {
            int length = IN.readInt();
            if (length < 0) {
                return;
            }
            byte[] bytes = IN.readNBytes(length);
            Document shared = null;
            for (int jobs = IN.readInt(); jobs > 0; jobs--) {
                String algorithm = IN.readUTF();
                String prefixes = IN.readUTF();
                int element = IN.readInt();
                try {
                    // Joining xml:base changes the tree.
                    boolean changes = element >= 0 && algorithm.contains("c14n11");
                    Document document = shared;
                    if (document == null || changes) {
                        document = builder.parse(new ByteArrayInputStream(bytes));
                    }
                    shared = changes ? shared : document;
                    answer(document, algorithm, prefixes, element);
                } catch (Exception e) {
                    OUT.writeInt(-1);
                    OUT.writeUTF(String.valueOf(e.getMessage()));
                }
            }
            OUT.flush();
        }
    }

    private static void answer(Document document, String algorithm, String prefixes, int element)
            throws Exception {
        Node node = element < 0 ? document : document.getElementsByTagName("*").item(element);
        Canonicalizer canonicalizer = Canonicalizer.getInstance(algorithm);
        ByteArrayOutputStream canonical = new ByteArrayOutputStream();
        if (prefixes.isEmpty()) {
            canonicalizer.canonicalizeSubtree(node, canonical);
        } else {
            canonicalizer.canonicalizeSubtree(node, prefixes, canonical);
        }
        OUT.writeInt(canonical.size());
        canonical.writeTo(OUT);
    }
}
